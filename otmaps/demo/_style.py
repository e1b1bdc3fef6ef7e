"""The style sheet of the page: light and dark, phone and desk."""

STYLE = """
:root {
  --paper: #fbfbf9; --panel: #ffffff; --ink: #1d2126; --soft: #5b626b; --line: #dcdfe2;
  --good: #0f7a58; --good-paper: #e9f5f0; --bad: #b5401a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --panel: #1b1f23; --ink: #e6e8ea; --soft: #a3abb3; --line: #33393f;
    --good: #5fd0a8; --good-paper: #16302a; --bad: #ff9a73;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 2.1rem; line-height: 1.15; margin: 0 0 1rem; letter-spacing: -.02em; }
h2 { font-size: 1.4rem; margin: 3rem 0 .6rem; padding-top: 1.2rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
p, dd, li { max-width: 46rem; }
.lead { font-size: 1.08rem; }
.findings { list-style: none; margin: 1.4rem 0 0; padding: 0; display: grid; gap: .7rem; }
.findings li { background: var(--panel); border: 1px solid var(--line);
  border-left: 4px solid var(--good); border-radius: 6px; padding: .7rem 1rem; max-width: none; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .7rem; vertical-align: top; white-space: nowrap; }
thead th { color: var(--soft); font-weight: 600; font-size: .85rem;
  border-bottom: 2px solid var(--line); vertical-align: bottom; }
tbody { border-bottom: 1px solid var(--line); }
tbody th { font-weight: 600; }
th small { display: block; font-weight: 400; color: var(--soft); font-size: .82rem; }
td small { color: var(--soft); }
.num { text-align: right; }
tr.matched td { background: var(--good-paper); }
tr.matched td:first-of-type { color: var(--good); font-weight: 600; }
dl { display: grid; grid-template-columns: 6rem 1fr; gap: .5rem 1rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; }
img { display: block; max-width: 100%; height: auto; }
figure { margin: 0; }
figcaption { color: var(--soft); font-size: .92rem; padding-top: .35rem; }
.strip { display: grid; grid-template-columns: 4.8rem minmax(0, 1fr); gap: .3rem .6rem;
  align-items: center; margin: .8rem 0 1.4rem; }
.strip span { color: var(--soft); font-size: .92rem; }
.two, .three { display: grid; gap: 1.5rem; margin-top: .8rem; align-items: end; }
.two { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.three { grid-template-columns: repeat(3, minmax(0, 1fr)); align-items: start; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  padding: .8rem 1rem; overflow-x: auto; font-size: .9rem; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .92em; }
a { color: var(--good); }
@media (max-width: 44rem) {
  body { font-size: 16px; }
  main { padding: 1.2rem 1rem 3rem; }
  h1 { font-size: 1.7rem; }
  .two, .three { grid-template-columns: minmax(0, 1fr); }
  .strip { grid-template-columns: minmax(0, 1fr); gap: .15rem; }
  .strip img { margin-bottom: .4rem; }
  dl { grid-template-columns: minmax(0, 1fr); gap: .1rem; }
  dd { margin-bottom: .6rem; }
  th, td { padding: .3rem .3rem; }
  table { font-size: .84rem; }
  tbody th { white-space: normal; width: 5.2rem; min-width: 5.2rem; }
  td small, th small { display: none; }
}
"""
