"""Hardware and test tools: modems, GNSS receivers and traffic. Only the agent uses them."""
