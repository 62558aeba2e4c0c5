"""The central side: stores what probes measure and says, with evidence, which targets are met."""
