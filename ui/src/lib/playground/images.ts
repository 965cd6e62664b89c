/**
 * Images: those that a user gives, and those that a model makes.
 */

/** The largest file that is taken, in bytes. */
const LARGEST = 20 * 1024 * 1024;

/** The most in one message. */
export const MOST_IMAGES = 10;

/** What every server reads; others are made into PNG. */
const READ_BY_ALL = new Set(['image/png', 'image/jpeg']);

/**
 * An image as a `data:` URL that servers can read.
 *
 * @throws Error with a message for the user.
 */
export async function imageOf(file: File): Promise<string> {
  if (!file.type.startsWith('image/')) throw new Error(`${file.name} is no image`);
  if (file.size > LARGEST) throw new Error(`${file.name} is larger than 20 MiB`);
  return READ_BY_ALL.has(file.type) ? dataUrl(file) : asPng(file);
}

export function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error('the file cannot be read'));
    reader.readAsDataURL(blob);
  });
}

async function asPng(file: File): Promise<string> {
  const image = new Image();
  // Not from a blob: what an SVG draws would then not be ours to read in some browsers.
  image.src = await dataUrl(file);
  try {
    await image.decode();
  } catch {
    throw new Error(`${file.name} cannot be read as an image`);
  }
  const canvas = document.createElement('canvas');
  canvas.width = image.naturalWidth || 512;
  canvas.height = image.naturalHeight || 512;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser cannot convert images');
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/png');
}

/** The images among what was pasted or dropped. */
export function imageFiles(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter((file) => file.type.startsWith('image/'));
}

/** By the first characters of its base64, what an image is. */
const KINDS: readonly (readonly [start: string, type: string])[] = [
  ['iVBORw', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['UklGR', 'image/webp'],
  ['R0lGOD', 'image/gif'],
  ['PHN2Zy', 'image/svg+xml'],
];

/** @returns null where it is no base64. */
export function imageUrl(base64: string): string | null {
  // Some servers send it as a URL already.
  const bare = base64.replace(/^data:image\/[a-z0-9.+-]+;base64,/i, '').trim();
  if (!bare || !/^[A-Za-z0-9+/_=\s-]*$/.test(bare)) return null;
  const type = KINDS.find(([start]) => bare.startsWith(start))?.[1] ?? 'image/png';
  return `data:${type};base64,${bare}`;
}

/** The ending of a file with an image. */
export function endingOf(url: string): string {
  const subtype = /^data:image\/([a-z]+)/.exec(url)?.[1] ?? 'png';
  return subtype === 'jpeg' ? 'jpg' : subtype;
}
