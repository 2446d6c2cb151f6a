"""The page at /docs: the inputs, and a request to try, without anything from elsewhere."""

from __future__ import annotations

import html
import json
from typing import Any

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;background:Canvas;color:CanvasText}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .4rem;vertical-align:top}
td:first-child,td:last-child,td code{overflow-wrap:anywhere}td:first-child{min-width:5rem}
label{display:block;margin-bottom:.3rem}
td,th{border-bottom:1px solid #8886}
textarea{width:100%;min-height:12rem;box-sizing:border-box}textarea,pre,code{font:14px/1.45 ui-monospace,monospace}
pre{background:#8882;padding:.8rem;overflow:auto;border-radius:.4rem}
button{font:inherit;padding:.4rem 1.2rem;margin:.6rem 0;cursor:pointer}
"""
_SCRIPT = """
const body = document.getElementById('body'), out = document.getElementById('out');
document.getElementById('send').onclick = async () => {
  out.textContent = '...';
  const headers = {'Content-Type': 'application/json'};
  try {
    const answer = await fetch('invocations', {method: 'POST', headers, body: body.value});
    out.textContent = answer.status + ' ' + JSON.stringify(await answer.json(), null, 2);
  } catch (error) { out.textContent = error; }
};
"""
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def page(schema: dict[str, Any], release: dict[str, Any]) -> str:
    """Write the page as HTML. schema: what /schema tells; release: what /version tells."""
    title = html.escape(str(release.get("name", "model")))
    rows = "".join(_row(column) for column in schema["inputs"])
    about = "".join(
        f"<tr><th>{html.escape(key)}</th><td><code>{html.escape(str(value))}</code></td></tr>"
        for key, value in release.items()
        if value is not None
    )
    example = html.escape(json.dumps(schema["example"], indent=1, ensure_ascii=False))
    outputs = ", ".join(f"<code>{html.escape(column['name'])}</code>" for column in schema["outputs"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>"
        f'<label for="body">POST <code>/invocations</code></label><textarea id="body" spellcheck="false">{example}</textarea>'
        f'<button id="send">Send</button><pre id="out" aria-live="polite" tabindex="0">The answer: {outputs}</pre>'
        f"<h2>Inputs</h2><table><tr><th>name<th>type<th>required<th>seen in training</tr>{rows}</table>"
        f"<h2>This model</h2><table>{about}</table>"
        f'<p><a href="schema">schema</a> · <a href="openapi.json">OpenAPI</a> · <a href="version">version</a> · '
        f'<a href="metrics">metrics</a></p><script>{_SCRIPT}</script></html>'
    )


def _row(column: dict[str, Any]) -> str:
    if "categories" in column:
        seen = ", ".join(column["categories"][:20]) + (" ..." if len(column["categories"]) > 20 else "")
    else:
        seen = f"{_short(column['minimum'])} to {_short(column['maximum'])}" if "minimum" in column else ""
    cells = (column["name"], column["type"], "yes" if column["required"] else "no", seen)
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _short(value: Any) -> str:
    """Shorten a value for people; /schema has every digit."""
    return f"{value:.6g}" if isinstance(value, float) else str(value).removesuffix("T00:00:00")
