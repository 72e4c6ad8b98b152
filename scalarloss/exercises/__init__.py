"""Every exercise of the book by name: exercises.check_...(your_function) marks your function.

One module a chapter; what is an Exercise or a Search there is to be found here.
"""

from importlib import import_module
from pkgutil import iter_modules

from scalarloss.exercises.base import Exercise, Mark, Search

__all__ = ["Exercise", "Mark", "Search"]

for module in iter_modules(__path__):
    for name, thing in vars(import_module(f"{__name__}.{module.name}")).items():
        if isinstance(thing, Exercise | Search):
            assert name not in globals(), f"{name} is in two modules of {__name__}"
            globals()[name] = thing
            __all__.append(name)
