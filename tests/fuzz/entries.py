"""Every public function, class and method of gapdyn, and how it is called."""

from inspect import (
    Parameter,
    getdoc,
    isabstract,
    isclass,
    isfunction,
    ismethod,
    ismodule,
    signature,
)
from typing import Any, NamedTuple

from fuzz.strategies import arrays_of, states, taus
from fuzz.table import (
    CHECKED,
    ELSEWHERE,
    GROUPS,
    KINDS,
    LEFT_OUT,
    NAMES,
    REFUSING,
    SELVES,
    SHARES,
    SLOW,
    SPECIAL,
    UNCHECKED,
)
from hypothesis import strategies as st

import gapdyn as gd
from gapdyn import embeddings, files, film, loss, models, plotting, readers, theory


class Entry(NamedTuple):
    """How a function is called."""

    arguments: st.SearchStrategy[dict[str, Any]]
    checked: bool
    """Whether it checks what it is given; what does not gets good arguments only."""
    refuses: bool
    """Whether it may refuse these arguments too."""
    share: float
    """Its share of the examples, small for a slow one."""


def modules():
    """The modules that are public names, those of the theory, and those that are imported alone."""
    named = [getattr(gd, name) for name in gd.__all__]
    stated = [getattr(theory, name) for name in theory.__all__ if name != "closing"]
    return [thing for thing in named if ismodule(thing) and thing is not theory] + [
        *(embeddings, files, film, plotting, readers),
        *stated,
    ]


def public():
    """Every public function, class and method, each with the class whose method it is, or None."""
    found = [getattr(gd, name) for name in gd.__all__]
    for module in modules():
        own = [name for name, thing in vars(module).items() if _is_own(thing, module)]
        found += [getattr(module, name) for name in getattr(module, "__all__", own)]
    things = {thing: None for thing in found if isfunction(thing) or isclass(thing)}
    for kind in [kind for kind in things if isclass(kind)]:
        plain = isabstract(kind) or issubclass(kind, tuple)
        if plain or kind in (loss.Scratch, gd.IntegrationError, models.LogBetaModel):
            del things[kind]
            continue
        members = [getattr(kind, name) for name in dir(kind) if not name.startswith("_")]
        things |= {f: kind for f in members if isfunction(f) or ismethod(f)}
    return {thing: kind for thing, kind in things.items() if thing not in ELSEWHERE}


def _is_own(thing, module):
    """Whether a module defines a public thing itself."""
    own = getattr(thing, "__module__", None) == module.__name__
    return own and not getattr(thing, "__name__", "_").startswith("_")


def entry_of(function, kind):
    """How a function, or a method of a class, is called."""
    groups, needed, optional = _arguments(function, kind)
    drawn = st.tuples(*groups, st.fixed_dictionaries(needed, optional=optional))
    text = getdoc(function) or ""
    names_errors = "ValueError" in text or "TypeError" in text or function in CHECKED
    shares = {module.__name__: share for module, share in SHARES.items()}
    return Entry(
        drawn.map(lambda given: {name: v for part in given for name, v in part.items()}),
        names_errors and function not in UNCHECKED,
        function in REFUSING,
        SLOW.get(function, shares.get(function.__module__, 1.0) if needed or groups else 0.0),
    )


def _arguments(function, kind):
    """Groups of arguments, those that must be given, and those that may be left out."""
    own = dict(SPECIAL.get(function, {}))
    if kind in KINDS:
        own["self y"] = states(KINDS[kind], taus=taus, names=("self", "y"))
    if kind in SELVES:
        own["self"] = SELVES[kind]
    own |= {key: strategy for key, strategy in (GROUPS | NAMES).items() if key not in own}
    left, several = {**signature(function).parameters}, _first_array(function)
    groups, needed, optional = [], {}, {}
    for key, strategy in own.items():
        names = key.split()
        if not left.keys() >= {*names}:
            continue
        default = left[names[0]].default
        left = {name: left[name] for name in left if name not in names}
        if len(names) > 1:
            groups.append(strategy)
        elif default is Parameter.empty or key in ("seed", "tau", "max_steps"):
            needed[key] = arrays_of(strategy) if key == several else strategy
        else:
            optional[key] = strategy
    assert left.keys() <= LEFT_OUT, f"{told(function)} has arguments without strategy: {[*left]}"
    return groups, needed, optional


def _first_array(function):
    """The first argument of a function of the theory that may be a number or an array of them."""
    named = signature(function).parameters.items()
    arrays = [name for name, parameter in named if parameter.annotation == "ArrayLike"]
    return arrays[0] if arrays and function.__module__.startswith("gapdyn.theory") else None


def told(function):
    """The name of a function, a class or a method, with its module."""
    return f"{function.__module__}.{function.__qualname__}"
