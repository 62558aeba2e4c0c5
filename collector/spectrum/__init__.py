"""Spectrum context: what lies beside a mobile carrier, and where quality is poor at a good level.

It informs and never accuses: no answer here names a cause (Circular 37/2020/TT-BTTTT, and the
mobile bands of Viet Nam). `cells` and `seen` ask the lake; the rest works on facts and numbers.
"""
