/**
 * Colours of the theme for a canvas, which does not know of variables.
 */

const SERIES = 6;

export interface Colours {
  series: string[];
  grid: string;
  text: string;
}

/**
 * What the variables are now.
 *
 * @param element whose they are.
 */
export function coloursOf(element: HTMLElement): Colours {
  const probe = document.createElement('span');
  probe.hidden = true;
  element.append(probe);
  // `light-dark()` in a variable is decided where it is used.
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    series: Array.from({ length: SERIES }, (_, i) => colour(`--series-${i + 1}`)),
    grid: colour('--border'),
    text: colour('--muted'),
  };
  probe.remove();
  return colours;
}

/** The colour of a series, and its dashes: with both, eighteen are told apart. */
export function strokeOf(colours: Colours, index: number): { colour: string; dash: number[] } {
  const DASHES = [[], [6, 3], [2, 3]];
  return {
    colour: colours.series[index % colours.series.length] ?? colours.text,
    dash: DASHES[Math.floor(index / colours.series.length) % DASHES.length] ?? [],
  };
}
