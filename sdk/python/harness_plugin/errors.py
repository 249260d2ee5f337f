"""Errors that the harness tells apart."""


class Failed(Exception):
    """An op failed. Failures are counted by class, such as "http_503"."""

    def __init__(self, cls, message):
        super().__init__(message)
        self.cls = cls


class BadParam(Exception):
    """A parameter is wrong: exit code 2."""

    def __init__(self, param, message):
        super().__init__(f"parameter {param} {message}")
        self.param, self.message = param, message


class NotMeasured(Exception):
    """A prerequisite that is optional is absent: not measured, exit code 0."""

    def __init__(self, reason, remedy):
        super().__init__(f"{reason}: {remedy}")
        self.reason, self.remedy = reason, remedy


class TargetDown(Exception):
    """The target does not answer, or not as it should: exit code 3."""

    def __init__(self, target, message, remedy):
        super().__init__(f"target {target}: {message}; {remedy}")
        self.target, self.message, self.remedy = target, message, remedy
