"""Opens a comparison's report.html, the pages of its runs and an analysis in headless Chromium and checks what a reader sees:
check_page.py COMPARISON ANALYSIS SCRATCH.

Fails on a console message of the browser, on anything that needs the network, on a page wider than its window, on text that
is too small to read at 400 pixels, on a number of table.json that the page or its print does not show, and on a value, a
switch or a sorted table that does not answer."""
import html
import html.parser
import json
import pathlib
import re
import subprocess
import sys
import zlib

WIDTHS = (1280, 400)
SMALLEST_LETTERS = 9  # pixels, in figures at the narrow width
DARK = "--blink-settings=preferredColorScheme=0"

# Measures the page, which stands in a frame of the wanted width (a window has a least one), and leaves the numbers in the
# outer title.
MEASURE = """
  const smallest = Math.min(...[...document.querySelectorAll("svg text")].map(text => {
    const svg = text.ownerSVGElement, scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return parseFloat(getComputedStyle(text).fontSize) * scale;
  }));
  const table = document.querySelector(".scroll"), outside = [...document.querySelectorAll("figure svg")].filter(
    svg => svg.getBoundingClientRect().right > innerWidth + 0.5 || svg.getBoundingClientRect().height < 80);
  const axis = document.querySelector("svg text").parentElement, top = e => e ? e.getBoundingClientRect().top : null;
  say({width: innerWidth, needed: document.documentElement.scrollWidth, smallest,
    table: [table.scrollWidth, table.clientWidth], outside: outside.length,
    tops: [".answer", ".table", ".cost"].map(name => top(document.querySelector(name))),
    paper: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color,
    letters: getComputedStyle(axis).fill});
"""

# Does what a reader does, and says what came of it.
USE = """
  const figure = document.getElementById("quality-flops"), svg = figure.querySelector("svg"), tip = figure.querySelector(".tip");
  const values = JSON.parse(figure.querySelector("script.values").textContent), box = svg.getBoundingClientRect();
  const scale = box.width / svg.viewBox.baseVal.width, [left, right, top, bottom] = values.area;
  const at = series => { const p = series.points[0]; return {
    clientX: box.left + scale * (left + (p[0] - values.x[0]) / (values.x[1] - values.x[0]) * (right - left)),
    clientY: box.top + scale * (bottom - (p[1] - values.y[0]) / (values.y[1] - values.y[0]) * (bottom - top)), bubbles: true}; };
  const hovered = values.series.map(series => {
    svg.dispatchEvent(new PointerEvent("pointermove", at(series)));
    return tip.hidden ? "" : tip.textContent;
  });
  svg.dispatchEvent(new PointerEvent("pointerleave"));
  const away = tip.hidden;
  svg.focus();
  svg.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
  const keyed = tip.hidden ? "" : tip.textContent;
  const switches = [...document.querySelectorAll(".legend button")];
  const mark = document.querySelector(`[stroke="var(--row-0)"], [fill="var(--row-0)"], [stroke='var(--row-0)']`);
  const paint = () => getComputedStyle(mark).stroke + getComputedStyle(mark).fill;
  const shown = paint();
  switches[0].click();
  const switched = {pressed: switches[0].getAttribute("aria-pressed"), changed: paint() !== shown, hidden: paint()};
  switches[0].click();
  const again = paint() === shown;
  switches[0].dispatchEvent(new MouseEvent("dblclick", {bubbles: true}));
  const alone = switches.map(button => button.getAttribute("aria-pressed"));
  switches[0].dispatchEvent(new MouseEvent("dblclick", {bubbles: true}));
  const table = document.querySelector("table.sortable"), test = table.tHead.rows[0].cells[1];
  const column = () => [...table.tBodies[0].rows].map(row => row.cells[1].dataset.value);
  const before = column();
  test.querySelector("button").click();
  const up = column(), sorted = test.getAttribute("aria-sort");
  test.querySelector("button").click();
  const down = column();
  let copied = "";
  Object.defineProperty(navigator, "clipboard", {value: {writeText: text => { copied = text; return Promise.resolve(); }}});
  [...document.querySelectorAll(".table button")].find(button => button.textContent === "Copy as CSV").click();
  say({hovered, names: values.series.map(s => s.name), away, keyed, switched, again, alone, before, up, down, sorted, copied,
    unnamed: [...document.querySelectorAll("button")].filter(button => !button.textContent.trim()).length,
    headings: [...document.querySelectorAll("h1, h2, h3")].map(e => e.tagName).join(" ")});
"""

# A cell of a heat map, and what the pointer finds there.
MAP = """
  const figure = document.getElementById("sigma-moe-seed0-usage"), svg = figure.querySelector("svg"), box = svg.getBoundingClientRect();
  const values = JSON.parse(figure.querySelector("script.values").textContent), scale = box.width / svg.viewBox.baseVal.width;
  svg.dispatchEvent(new PointerEvent("pointermove", {clientX: box.left + scale * (values.area[0] + 9),
    clientY: box.top + scale * (values.area[2] + 9), bubbles: true}));
  say({fill: getComputedStyle(figure.querySelector("polygon[fill^='var(--heat']")).fill,
    tip: figure.querySelector(".tip").hidden ? "" : figure.querySelector(".tip").textContent});
"""

problems = []


def check(condition, complaint):
    if not condition:
        problems.append(complaint)


def browse(page, scratch, *options):
    """Runs the browser on a page; returns its standard output and what it wrote to its console."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=2000",
               "--enable-logging=stderr", "--v=0", f"--user-data-dir={scratch / 'profile'}", *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    check(done.returncode == 0, f"chromium failed ({done.returncode}): {done.stderr[-500:]}")
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    check(not console, "the console says: " + " | ".join(console))
    return done.stdout


def picture(page, scratch, name, width, *options):
    path = scratch / f"{name}.png"
    path.unlink(missing_ok=True)
    browse(page, scratch, f"--screenshot={path}", f"--window-size={width},3000", *options)
    check(path.exists(), f"no picture of the page at {width} pixels")
    return path


def colors_of(path):
    """The number of distinct byte values in a picture's data: an empty page has a handful."""
    data, chunks, position = path.read_bytes(), b"", 8
    while position < len(data):
        size, kind = int.from_bytes(data[position:position + 4], "big"), data[position + 4:position + 8]
        if kind == b"IDAT":
            chunks += data[position + 8:position + 8 + size]
        position += size + 12
    return len(set(zlib.decompress(chunks)))


def probe(text, scratch, width, script, *options):
    """What `script`, run in the page, says."""
    probed = scratch / "probed.html"
    code = ("<script>addEventListener('load', () => { const say = x => { parent.document.title = JSON.stringify(x); };"
            + script + "});</script>")
    inner = html.escape(text.replace("</body>", code + "</body>"))
    probed.write_text(f'<!doctype html><meta name="color-scheme" content="light dark"><title>none</title>'
                      f'<iframe style="border:0;width:{width}px;height:3000px" srcdoc="{inner}"></iframe>',
                      encoding="utf-8")
    dom = browse(probed, scratch, "--dump-dom", "--window-size=1400,3100", *options)
    said = html.unescape(re.search(r"<title>(.*?)</title>", dom, re.S).group(1))
    if said == "none":
        raise SystemExit("check_page: the page's script ended early: " + "; ".join(problems))
    return json.loads(said)


class Visible(html.parser.HTMLParser):
    """The page's words, elements and attributes."""

    def __init__(self):
        super().__init__()
        self.words, self.elements, self.links, self.ids, self.open = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        for key, value in attributes:
            if key in ("src", "href", "xlink:href", "action", "poster", "data", "srcset"):
                self.links.append(value or "")
            if key == "id":
                self.ids.append(value)
            check(not key.startswith("on"), f"an attribute {key}")
        if tag not in ("meta", "link", "br", "img", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        check(self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}")
        if self.open:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def read_page(path):
    """Checks what holds for every page; returns its text and its words."""
    text, page = path.read_text(encoding="utf-8"), Visible()
    page.feed(text)
    check(not page.open, f"{path}: left open: {page.open}")
    check(len(page.ids) == len(set(page.ids)), f"{path}: two elements share an id")
    for link in page.links:
        local = (path.parent / link).is_file() and not link.startswith("/")
        check(link.startswith(("#", "data:")) or local, f"{path} refers to {link}")
    for needle in ("http:", "https:", "@import", "url(", "<title>gnuplot", "<title>Gnuplot"):
        check(needle not in text, f"{path} contains {needle}")
    check("http-equiv" not in text, f"{path} goes on loading itself")
    return text, re.sub(r"\s+", " ", " ".join(page.words))


def scores_of(table):
    return {row["variant"]: f"{row['test']['mean']:.4f}" for row in table["variants"]}


def check_text(words, text, comparison, table):
    check(text.count("<figure id=") == 7, f"{text.count('<figure id=')} figures instead of 7")
    for row in table["variants"]:
        cells = (row["variant"], f"{row['parameters']:,}", f"{100 * row['ff_flops_share']:.1f} %",
                 f"{row['test']['mean']:.4f} ± {row['test']['std']:.4f}", f"{row['tokens_per_s']:,.0f}")
        for cell in cells:
            check(cell in words, f"the page does not show {row['variant']}'s {cell}")
    check(f"{table['ngram']['test']['bits_per_char']:.4f}" in words, "the page does not show the n-gram's score")
    record = json.loads((comparison / "compare.json").read_text(encoding="utf-8"))
    for split in record["data"]["splits"].values():
        check(split["sha256"] in words, "a split's checksum is missing")
    for word in ("compare --data", "n_experts", "arXiv 2310.10837", "processor", "threads", "Limits", "Citation", "text.txt"):
        check(word in words, f"the page does not say {word}")
    check("paper</button>" not in text and ">paper<" not in text, "a column of the paper without a value")
    check(" nats" not in words.split("Limits")[0], "a second unit")


def check_layout(text, scratch):
    for width in WIDTHS:
        size = probe(text, scratch, width, MEASURE)
        check(size["width"] == width, f"the window is {size['width']} wide, not {width}")
        check(size["needed"] <= width, f"at {width} pixels the page needs {size['needed']}")
        check(size["outside"] == 0, f"at {width} pixels {size['outside']} figures do not fit")
        check(size["smallest"] >= SMALLEST_LETTERS, f"at {width} pixels letters of {size['smallest']:.1f} pixels")
        scrolls = size["table"][0] > size["table"][1]
        check(scrolls or width > 400, f"at {width} pixels the table does not scroll in its frame")
        check(not scrolls or width < 1280, f"at {width} pixels the table does not fit: {size['table']}")
        answer, results, cost = size["tops"]
        check(answer < min(results, cost), f"at {width} pixels the answer is not the first")
        check((results < cost) == (width < 1280), f"at {width} pixels the table is at {results}, the costs at {cost}")
        check(width > 400 or results < 900, f"at {width} pixels the table begins at {results}")
    light = probe(text, scratch, 1280, MEASURE)
    dark = probe(text, scratch, 1280, MEASURE, DARK)
    for part in ("paper", "ink", "letters"):
        check(light[part] != dark[part], f"the dark scheme has the same {part}")


def check_use(text, scratch, table):
    used, scores = probe(text, scratch, 1280, USE), scores_of(table)
    for name, tip in zip(used["names"], used["hovered"]):
        check(tip.startswith(name), f"the pointer at {name} shows {tip!r}")
        check(str(round(float(scores[name]), 3))[:4] in tip, f"the pointer at {name} shows no score {scores[name]}: {tip!r}")
    check(len(used["names"]) == len(scores), f"the figure has {used['names']}")
    check(used["away"], "the value stays when the pointer is gone")
    check(used["names"][0] in used["keyed"], f"the arrow keys show {used['keyed']!r}")
    check(used["switched"]["pressed"] == "false" and used["switched"]["changed"], f"a switch: {used['switched']}")
    check("rgba(0, 0, 0, 0)" in used["switched"]["hidden"], f"what is off is still seen: {used['switched']['hidden']}")
    check(used["again"], "what is switched on again is not seen")
    check(used["alone"] == ["true"] + ["false"] * (len(scores) - 1), f"a row alone: {used['alone']}")
    known = sorted((float(value) for value in used["before"]))
    check([float(value) for value in used["up"]] == known and used["sorted"] == "ascending", f"sorted: {used['up']}")
    check([float(value) for value in used["down"]] == known[::-1], f"sorted down: {used['down']}")
    for name, score in scores.items():
        check(f"{name},{score}" in used["copied"], f"the copy lacks {name},{score}: {used['copied']}")
    check(used["unnamed"] == 0, "a button without a name")
    check(used["headings"].startswith("H1 H2"), f"headings: {used['headings']}")


def check_print(page, scratch, table):
    path = scratch / "page.pdf"
    path.unlink(missing_ok=True)
    browse(page, scratch, f"--print-to-pdf={path}", "--no-pdf-header-footer")
    check(path.exists(), "the page does not print")
    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    sizes = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    check(re.search(r"Page size: +59[45]\.\d+ x 84[12]", sizes), f"the print is not on A4: {sizes}")
    for name, score in scores_of(table).items():
        check(name in text and score in text, f"the print lacks {name}'s {score}")
    for row in table["variants"]:
        for cell in (f"{row['parameters']:,}", f"{row['tokens_per_s']:,.0f}", f"{row['valid']['mean']:.4f}"):
            check(cell in text, f"the print lacks {row['variant']}'s {cell}")


def check_runs(comparison, scratch, table):
    pages = sorted(comparison.glob("runs/*/report.html"))
    check(len(pages) == sum(len(row["runs"]) for row in table["variants"]), f"{len(pages)} pages of runs")
    for page in pages:
        text, words = read_page(page)
        for word in ("Learning rate", "Norm of the gradient", "Speed of training", "Scores in training", "d_model", '"seed"'):
            check(word in words, f"{page} does not say {word}")
        check(("Experts in use" in words) == (not page.parent.name.startswith("dense")), f"{page}: experts")
    size = probe(text, scratch, 400, MEASURE.replace('".scroll"', '"main"'))
    check(size["needed"] <= 400 and size["outside"] == 0, f"the page of a run needs {size}")


def check_analysis(analysis, scratch):
    text, words = read_page(analysis / "report.html")
    for sentence in (r"sigma-moe-seed0: a token uses \d+( to \d+)? % of the \d+ channels", r"(No expert is|experts? (is|are)) dead",
                     r"The busiest takes \d+ %", r"dense-seed0: a token uses"):
        check(re.search(sentence, words), f"the analysis does not say {sentence}")
    light, dark = (probe(text, scratch, 1280, MAP, *options) for options in ((), (DARK,)))
    check(light["fill"] != dark["fill"], f"a heat map is {light['fill']} in the dark scheme, too")
    check("layer" in light["tip"] and "expert" in light["tip"], f"the pointer at a heat map shows {light['tip']!r}")
    size = probe(text, scratch, 400, MEASURE)
    check(size["needed"] <= 400 and size["outside"] == 0, f"the analysis at 400 pixels needs {size}")


def main():
    comparison, analysis, scratch = (pathlib.Path(name).resolve() for name in sys.argv[1:4])
    page = comparison / "report.html"
    table = json.loads((comparison / "table.json").read_text(encoding="utf-8"))
    text, words = read_page(page)
    check_text(words, text, comparison, table)
    check_layout(text, scratch)
    check_use(text, scratch, table)
    check_print(page, scratch, table)
    check_runs(comparison, scratch, table)
    check_analysis(analysis, scratch)
    for width in WIDTHS:
        check(colors_of(picture(page, scratch, f"light-{width}", width)) > 60, f"at {width} pixels the page is empty")
    picture(page, scratch, "dark-1280", 1280, DARK)
    for problem in problems:
        print(f"check_page: {problem}", file=sys.stderr)
    print(f"{page.name}: {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
