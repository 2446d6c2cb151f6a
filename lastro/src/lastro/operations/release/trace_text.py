"""A chain as text."""

from __future__ import annotations

from lastro.operations.release.trace import Chain


def as_text(chain: Chain) -> str:
    """What is broken first, then link by link."""
    lines = [f"{chain.start.named}: {chain.start.kind}, model {chain.model or 'unknown'}"]
    lines += [f"broken at {link.name}: {link.problem}" for link in chain.broken] or ["the chain is whole"]
    for link in chain.links:
        text = link.text or ("broken" if link.problem else "none")
        lines.append(f"{link.name:<9}{text}")
        lines += [f"{'':<9}{line}" for line in link.lines]
    return "\n".join(lines)
