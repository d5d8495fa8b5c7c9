"""Asks the node, question by question, each no oftener than its answers are cheap."""

from collections.abc import Callable, Mapping
from typing import Final

from nwip.control import UNREACHABLE, NodeRefused, NodeUnreachable
from nwip.web.facts import QUESTIONS, Facts

PERIOD: Final = 2.0  # seconds between two answers to a question
LONG: Final = {"services": 5.0, "routes": 5.0}  # those that may be long
SHARE: Final = (
    20  # the node spends at most one part of so many on an answer: a long one is asked for less often
)


class Asker:
    """Looks at a node again and again. `ask(question)` is `control.ask`; `clock()` is monotonic."""

    def __init__(self, ask: Callable[[str], object], clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._due = dict.fromkeys(QUESTIONS, 0.0)
        self._facts = Facts()

    def look(self) -> Facts:
        """Ask what is due, and return all that is known; of a silent node what it said last. Blocks."""
        answers: dict[str, object] = dict(self._facts.answers)
        problem, begun = "", self._clock()
        for question in QUESTIONS:
            if self._due[question] > begun:
                continue
            asked = self._clock()
            try:
                answers[question] = self._ask(question)
            except NodeUnreachable as error:
                problem = str(error)
                break
            except NodeRefused as no:
                if no.code == UNREACHABLE:
                    problem = no.sentence
                    break
                answers.pop(question, None)  # it runs no DSS, or is of a version that does not know
            self._due[question] = self._next(question, asked)
        at = self._facts.at if problem else begun
        self._facts = Facts(answers, at, problem)
        return self._facts

    def _next(self, question: str, asked: float) -> float:
        now = self._clock()
        slack = PERIOD / 4  # whoever looks once a period must not be late for every second one
        return max(asked + LONG.get(question, PERIOD), now + SHARE * (now - asked)) - slack


def as_told(facts: Facts) -> Mapping[str, object]:
    """Return the answers by question, for `/metrics`: empty while the node does not answer."""
    return {} if facts.problem else facts.answers
