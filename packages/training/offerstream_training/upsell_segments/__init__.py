"""`pnpm train segments`: a model for each segment of a column beside one for everybody, and stacks of them."""

from .command import add_command, segments

__all__ = ['add_command', 'segments']
