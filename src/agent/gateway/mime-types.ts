// Content types by file extension: what people publish. Unknown ones are bytes to download, never guessed from
// the content, and browsers are told not to guess either.

const TEXT = "; charset=utf-8";

const TYPES: Readonly<Record<string, string>> = {
  // Pages and code.
  html: `text/html${TEXT}`,
  htm: `text/html${TEXT}`,
  xhtml: `application/xhtml+xml${TEXT}`,
  css: `text/css${TEXT}`,
  js: `text/javascript${TEXT}`,
  mjs: `text/javascript${TEXT}`,
  cjs: `text/javascript${TEXT}`,
  json: "application/json",
  map: "application/json",
  jsonld: "application/ld+json",
  geojson: "application/geo+json",
  webmanifest: "application/manifest+json",
  wasm: "application/wasm",
  xml: `application/xml${TEXT}`,
  rss: `application/rss+xml${TEXT}`,
  atom: `application/atom+xml${TEXT}`,
  // Text.
  txt: `text/plain${TEXT}`,
  text: `text/plain${TEXT}`,
  log: `text/plain${TEXT}`,
  md: `text/markdown${TEXT}`,
  csv: `text/csv${TEXT}`,
  tsv: `text/tab-separated-values${TEXT}`,
  vtt: `text/vtt${TEXT}`,
  ics: `text/calendar${TEXT}`,
  vcf: `text/vcard${TEXT}`,
  yaml: `application/yaml${TEXT}`,
  yml: `application/yaml${TEXT}`,
  toml: `application/toml${TEXT}`,
  sh: `text/x-shellscript${TEXT}`,
  py: `text/x-python${TEXT}`,
  ts: `text/plain${TEXT}`,
  // Pictures.
  svg: `image/svg+xml${TEXT}`,
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  apng: "image/apng",
  bmp: "image/bmp",
  ico: "image/x-icon",
  tif: "image/tiff",
  tiff: "image/tiff",
  heic: "image/heic",
  // Sound and film.
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  aac: "audio/aac",
  ogg: "audio/ogg",
  oga: "audio/ogg",
  opus: "audio/ogg",
  flac: "audio/flac",
  wav: "audio/wav",
  weba: "audio/webm",
  mp4: "video/mp4",
  m4v: "video/mp4",
  webm: "video/webm",
  ogv: "video/ogg",
  mov: "video/quicktime",
  mkv: "video/x-matroska",
  avi: "video/x-msvideo",
  m3u8: "application/vnd.apple.mpegurl",
  mpd: "application/dash+xml",
  // Fonts.
  woff: "font/woff",
  woff2: "font/woff2",
  ttf: "font/ttf",
  otf: "font/otf",
  eot: "application/vnd.ms-fontobject",
  // Documents and archives.
  pdf: "application/pdf",
  epub: "application/epub+zip",
  rtf: "application/rtf",
  doc: "application/msword",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  xls: "application/vnd.ms-excel",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ppt: "application/vnd.ms-powerpoint",
  pptx: "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  odt: "application/vnd.oasis.opendocument.text",
  ods: "application/vnd.oasis.opendocument.spreadsheet",
  zip: "application/zip",
  gz: "application/gzip",
  tgz: "application/gzip",
  bz2: "application/x-bzip2",
  xz: "application/x-xz",
  zst: "application/zstd",
  tar: "application/x-tar",
  "7z": "application/x-7z-compressed",
  apk: "application/vnd.android.package-archive",
  glb: "model/gltf-binary",
  gltf: "model/gltf+json",
  stl: "model/stl",
};

const BYTES = "application/octet-stream";

export function mimeTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  if (dot <= 0) return BYTES;
  const extension = name.slice(dot + 1).toLowerCase();
  return Object.hasOwn(TYPES, extension) ? (TYPES[extension] ?? BYTES) : BYTES;
}

const COMPRESSIBLE = new Set([
  "application/json",
  "application/manifest+json",
  "application/wasm",
  "application/xml",
  "application/yaml",
  "application/toml",
  "application/rtf",
  "application/vnd.apple.mpegurl",
  "application/vnd.ms-fontobject",
  "font/ttf",
  "font/otf",
  "image/bmp",
  "image/x-icon",
  "model/stl",
]);

/** Whether compressing is worth its time: pictures, film, archives and woff already are. */
export function isCompressible(mimeType: string): boolean {
  const end = mimeType.indexOf(";");
  const plain = end < 0 ? mimeType : mimeType.slice(0, end);
  if (plain.startsWith("text/") || COMPRESSIBLE.has(plain)) return true;
  return plain.endsWith("+xml") || plain.endsWith("+json");
}
