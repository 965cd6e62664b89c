/** How high a lane of the timeline is, in pixels; its stylesheet has it too. */
export const LANE = 28;

/** Where the middle of a lane is. */
export function middleOf(row: number): number {
  return row * LANE + LANE / 2;
}
