"""The page's style sheet: the system's own fonts, light and dark, narrow screens first."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --font: system-ui, "PingFang SC", "Microsoft YaHei",
  "Noto Sans CJK SC", sans-serif; --ink: #1c1e21; --dim: #6b7280; --paper: #fff; --rule: #e5e7eb;
  --line: #1d4ed8; --peer: #9aa3b2; --health: #f3f5f8; --onset: #c2410c; --alert: #b91c1c;
  --change: #7c3aed; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --dim: #9aa3af; --paper: #15171a;
  --rule: #2b2f36; --line: #7aa2ff; --peer: #4a505a; --health: #1d2126; --onset: #fb923c;
  --alert: #f87171; --change: #c4b5fd; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 46rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 var(--font); overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; margin: 0 0 .6rem; } h2 { font-size: 1.05rem; margin: 0 0 .4rem; }
header, section { padding: 0 0 .8rem; margin: 0 0 .9rem; border-bottom: 1px solid var(--rule); }
p { margin: .35rem 0; } ul { margin: 0; padding-left: 1.1rem; }
b { color: var(--dim); font-weight: 600; }
figure { margin: .5rem 0; max-width: 36rem; } svg { width: 100%; height: auto; display: block; }
svg text { paint-order: stroke; stroke: var(--paper); stroke-width: 3px;
  font: 13px var(--font); fill: var(--dim); }
svg text.title { fill: var(--ink); } svg text.end { text-anchor: end; }
svg .health { fill: var(--health); } svg path { fill: none; stroke-width: 2; }
svg .line { stroke: var(--line); } svg .peer { stroke: var(--peer); stroke-width: 1.2; }
svg .onset { stroke: var(--onset); } svg .alert { stroke: var(--alert); }
svg .change { stroke: var(--change); stroke-dasharray: 4 3; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
td:last-child, th:last-child { white-space: nowrap; text-align: right; padding-right: 0; }
th { text-align: left; color: var(--dim); font-weight: 600; }
td, th { padding: .25rem .4rem .25rem 0; border-top: 1px solid var(--rule); vertical-align: top; }
code, pre { font: 13px/1.4 ui-monospace, monospace; } pre { overflow-x: auto; white-space: pre; }
summary { color: var(--dim); font-size: .85rem; cursor: pointer; }
footer { color: var(--dim); font-size: .85rem; }
"""
