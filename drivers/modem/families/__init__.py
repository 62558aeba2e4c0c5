"""Families of modems, one file each; found by looking into this folder."""
