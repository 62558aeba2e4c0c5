"""What others measured or reported: i-Speed samples and figures, and reports of communes.

A file comes with a mapping that says what its columns are. Whatever is wrong with a line is said
with its number, and nothing is half imported. What is stored knows its file, and can be withdrawn.
"""
