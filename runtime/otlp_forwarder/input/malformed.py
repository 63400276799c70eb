"""Input that cannot be forwarded, however often it is tried."""


class MalformedError(Exception):
    """Why a piece of input is set aside.

    The text is one of a few fixed phrases, so that reasons can be counted and nothing of the
    input, which may be anybody's data, gets into a log.
    """
