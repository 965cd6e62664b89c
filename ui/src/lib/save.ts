/**
 * Files out of the page: the browser's own download.
 */

/** Chromium has begun to read the file by then, in milliseconds. */
const READ = 30_000;

/**
 * @param name of the file, as the user gets it; what no file system takes is replaced.
 * @param type its media type.
 */
export function saveFile(name: string, type: string, parts: BlobPart[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName(name);
  // Firefox follows only links that are in the document; ours would take the click.
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), READ);
}

/** A name without what means a path, or a device, to some system. */
export function fileName(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[.-]+/, '') || 'file';
}

/** 2026-11-24-101502, by the user's clock: for names of files. */
export function stamp(now = new Date()): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  return `${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
}
