"""What a verdict is: pass or fail, and each rule with its numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lastro.core.errors import LastroError


@dataclass(frozen=True)
class Rule:
    """One rule and what became of it.

    value is what was judged and bound what it was judged against, both to six significant digits, None where
    there is none. detail says it in one line.
    """

    name: str
    passed: bool
    value: float | None
    bound: float | None
    detail: str


@dataclass(frozen=True)
class Verdict:
    """Pass only if every rule passes."""

    passed: bool
    rules: tuple[Rule, ...]

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready content."""
        return {"passed": self.passed, "rules": [asdict(rule) for rule in self.rules]}

    @classmethod
    def from_json(cls, content: Any) -> Verdict:
        """Read what `to_json` wrote.

        Raises:
            LastroError: not a verdict, or one that says pass although its rules don't (or there are none).
        """
        try:
            verdict = cls(content["passed"], tuple(Rule(**rule) for rule in content["rules"]))
        except (TypeError, KeyError):
            raise LastroError(
                "expected `passed` and a list of `rules`", where="verdict", fix="repeat the evaluation"
            ) from None
        outcomes = [rule.passed for rule in verdict.rules]
        if not outcomes or any(type(outcome) is not bool for outcome in outcomes):
            raise LastroError(
                "it has no rules, or one without an outcome", where="verdict", fix="repeat the evaluation"
            )
        if verdict.passed is not all(outcomes):
            raise LastroError(
                "its outcome contradicts its rules", where="verdict", fix="repeat the evaluation"
            )
        return verdict
