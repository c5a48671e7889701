"""Opens a comparison's report.html in headless Chromium and checks what a reader would see: check_page.py COMPARISON SCRATCH.

Fails on a console message of the browser, on anything that needs the network, on a page wider than its window, on text that
is too small to read at 400 pixels, and on a number of table.json that the page does not show."""
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

# Measures the page, which stands in a frame of the wanted width (a window has a least one), and leaves the numbers in the
# outer title.
PROBE = """<script>
addEventListener("load", () => {
  const smallest = Math.min(...[...document.querySelectorAll("svg text")].map(text => {
    const svg = text.ownerSVGElement, scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return parseFloat(getComputedStyle(text).fontSize) * scale;
  }));
  const table = document.querySelector(".scroll"), outside = [...document.querySelectorAll("figure svg")].filter(
    svg => svg.getBoundingClientRect().right > innerWidth + 0.5 || svg.getBoundingClientRect().height < 100);
  const axis = document.querySelector("svg text").parentElement;
  parent.document.title = JSON.stringify({width: innerWidth, needed: document.documentElement.scrollWidth, smallest,
    scrolls: table.scrollWidth > table.clientWidth, table: [table.scrollWidth, table.clientWidth], outside: outside.length,
    paper: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.body).color,
    letters: getComputedStyle(axis).fill});
});
</script>"""

problems = []


def check(condition, complaint):
    if not condition:
        problems.append(complaint)


def browse(page, scratch, *options):
    """Runs the browser on a page; returns its standard output and what it wrote to its console."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=2000",
               "--enable-logging=stderr", "--v=0", f"--user-data-dir={scratch / 'profile'}", *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
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


def measure(text, scratch, width, *options):
    probed = scratch / "probed.html"
    inner = html.escape(text.replace("</body>", PROBE + "</body>"))
    probed.write_text(f'<!doctype html><meta name="color-scheme" content="light dark"><title>none</title>'
                      f'<iframe style="border:0;width:{width}px;height:3000px" srcdoc="{inner}"></iframe>',
                      encoding="utf-8")
    dom = browse(probed, scratch, "--dump-dom", "--window-size=1400,3100", *options)
    title = re.search(r"<title>(.*?)</title>", dom, re.S)
    return json.loads(html.unescape(title.group(1)))


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


def check_text(text, comparison):
    page = Visible()
    page.feed(text)
    words = " ".join(page.words)
    check(not page.open, f"left open: {page.open}")
    check("script" not in page.elements, "the page has a script")
    check(len(page.ids) == len(set(page.ids)), "two elements share an id")
    for link in page.links:
        check(link.startswith(("#", "data:")), f"the page refers to {link}")
    for needle in ("http:", "https:", "@import", "url("):
        check(needle not in text, f"the page contains {needle}")
    check(page.elements.count("svg") == 4, f"{page.elements.count('svg')} figures instead of 4")

    table = json.loads((comparison / "table.json").read_text(encoding="utf-8"))
    for row in table["variants"]:
        cells = (row["variant"], f"{row['parameters']:,}", f"{100 * row['ff_flops_share']:.1f} %",
                 f"{row['test']['mean']:.4f} ± {row['test']['std']:.4f}", f"{row['tokens_per_s']:,.0f}")
        for cell in cells:
            check(cell in words, f"the page does not show {row['variant']}'s {cell}")
    check(f"{table['ngram']['test']['bits_per_char']:.4f}" in words, "the page does not show the n-gram's score")
    record = json.loads((comparison / "compare.json").read_text(encoding="utf-8"))
    for split in record["data"]["splits"].values():
        check(split["sha256"] in words, "a split's checksum is missing")
    for word in ("compare --data", "n_experts", "arXiv 2310.10837", "processor", "threads"):
        check(word in words, f"the page does not say {word}")


def check_layout(text, scratch):
    for width in WIDTHS:
        size = measure(text, scratch, width)
        check(size["width"] == width, f"the window is {size['width']} wide, not {width}")
        check(size["needed"] <= width, f"at {width} pixels the page needs {size['needed']}")
        check(size["outside"] == 0, f"at {width} pixels {size['outside']} figures do not fit")
        check(size["smallest"] >= SMALLEST_LETTERS, f"at {width} pixels letters of {size['smallest']:.1f} pixels")
        check(size["scrolls"] or width > 400, f"at {width} pixels the table does not scroll in its frame")
        check(not size["scrolls"] or width < 1280, f"at {width} pixels the table does not fit: {size['table']}")
    light = measure(text, scratch, 1280)
    dark = measure(text, scratch, 1280, "--blink-settings=preferredColorScheme=0")
    for part in ("paper", "ink", "letters"):
        check(light[part] != dark[part], f"the dark scheme has the same {part}")


def main():
    comparison, scratch = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    page = comparison / "report.html"
    text = page.read_text(encoding="utf-8")
    check_text(text, comparison)
    check_layout(text, scratch)
    for width in WIDTHS:
        check(colors_of(picture(page, scratch, f"light-{width}", width)) > 60, f"at {width} pixels the page is empty")
    picture(page, scratch, "dark-1280", 1280, "--blink-settings=preferredColorScheme=0")
    for problem in problems:
        print(f"check_page: {problem}", file=sys.stderr)
    print(f"{page.name}: {len(problems)} problems")
    sys.exit(1 if problems else 0)


main()
