"""A text for tests that train on one."""


def make_text(size):
    """Words in a fixed order that has no period."""
    words = "the of and a to in is you that it he was for on are as with his they at be this have from".split()
    state, parts = 7, []
    while size > 0:
        state = state * 16807 % 2147483647
        parts.append(words[state % len(words)] + (".\n" if state % 11 == 0 else " "))
        size -= len(parts[-1])
    return "".join(parts)
