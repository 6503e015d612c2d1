"""`pnpm train explore`: what a table holds, before anything is learnt from it."""

from .command import Asked, add_command, explore

__all__ = ['Asked', 'add_command', 'explore']
