/**
 * ANSI colours out of a line of a log. All other sequences and control characters are
 * taken out: whatever a model writes, a line is text in some colours.
 */

/** A piece of a line. Colours are classes of `app.css`: `ansi-1`, `ansi-bg-4`. */
export interface Span {
  text: string;
  classes: string;
}

interface Style {
  fg: number | null;
  bg: number | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

const PLAIN: Readonly<Style> = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
};

// CSI, OSC and other strings up to their end, two-byte escapes; then lone controls.
/* eslint-disable no-control-regex -- these characters are the subject */
const SEQUENCE =
  /\x1b\[([0-?]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
/* eslint-enable no-control-regex */

/** The line in pieces of one style each. */
export function ansiSpans(line: string): Span[] {
  if (!line.includes('\x1b')) return [{ text: clean(line), classes: '' }];
  const spans: Span[] = [];
  let style: Style = { ...PLAIN };
  let at = 0;
  const put = (raw: string) => {
    const text = clean(raw);
    if (text) spans.push({ text, classes: classesOf(style) });
  };
  for (const match of line.matchAll(SEQUENCE)) {
    put(line.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === 'm') style = styled(style, match[1] ?? '');
  }
  put(line.slice(at));
  return spans;
}

/** The line without any sequence. */
export function stripAnsi(line: string): string {
  return clean(line.includes('\x1b') ? line.replace(SEQUENCE, '') : line);
}

/** A progress bar writes its line again and again after a carriage return: the last counts. */
function clean(text: string): string {
  const last = text.includes('\r')
    ? text.slice(text.replace(/\r+$/, '').lastIndexOf('\r') + 1)
    : text;
  return last.replace(CONTROLS, '');
}

function styled(before: Style, parameters: string): Style {
  const style = { ...before };
  const codes = parameters.split(/[;:]/).map(Number);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code >= 90 && code <= 97) style.fg = code - 90 + 8;
    else if (code >= 100 && code <= 107) style.bg = code - 100 + 8;
    else if (code === 39) style.fg = null;
    else if (code === 49) style.bg = null;
    else if (code === 38 || code === 48) {
      // 256 colours or 24 bits: the nearest of the sixteen, which suit both themes.
      const kind = codes[i + 1];
      let colour: number | null = null;
      if (kind === 5) {
        colour = of256(codes[i + 2] ?? 0);
        i += 2;
      } else if (kind === 2) {
        colour = nearest(codes[i + 2] ?? 0, codes[i + 3] ?? 0, codes[i + 4] ?? 0);
        i += 4;
      }
      if (code === 38) style.fg = colour;
      else style.bg = colour;
    }
  }
  return style;
}

function of256(index: number): number | null {
  if (!(index >= 0 && index < 256)) return null;
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return nearest(grey, grey, grey);
  }
  const level = (value: number) => (value ? 55 + value * 40 : 0);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function nearest(red: number, green: number, blue: number): number {
  const high = Math.max(red, green, blue);
  const low = Math.min(red, green, blue);
  if (high - low < 48) return high < 64 ? 0 : high < 140 ? 8 : high < 220 ? 7 : 15;
  const middle = (high + low) / 2;
  const bits = (red > middle ? 1 : 0) | (green > middle ? 2 : 0) | (blue > middle ? 4 : 0);
  return bits + (high > 200 ? 8 : 0);
}

function classesOf(style: Style): string {
  const classes: string[] = [];
  if (style.fg !== null) classes.push(`ansi-${style.fg}`);
  if (style.bg !== null) classes.push(`ansi-bg-${style.bg}`);
  if (style.bold) classes.push('ansi-bold');
  if (style.dim) classes.push('ansi-dim');
  if (style.italic) classes.push('ansi-italic');
  if (style.underline) classes.push('ansi-underline');
  return classes.join(' ');
}
