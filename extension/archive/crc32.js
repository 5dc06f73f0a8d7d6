const POLYNOMIAL = 0xedb88320;
const SLICES = 4;

/** Four tables of 256 entries: byte at distance 0..3 from the end of a 4-byte step. */
const TABLES = makeTables();

/** @returns {Uint32Array[]} */
function makeTables() {
  const tables = Array.from({ length: SLICES }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    tables[0][byte] = value;
  }
  for (let byte = 0; byte < 256; byte += 1) {
    for (let slice = 1; slice < SLICES; slice += 1) {
      const previous = tables[slice - 1][byte];
      tables[slice][byte] = (previous >>> 8) ^ tables[0][previous & 0xff];
    }
  }
  return tables;
}

/**
 * CRC-32 as zip, gzip and PNG use it.
 * @param {Uint8Array} bytes @param {number} [crc] of the bytes before these; 0 to begin
 * @returns {number} unsigned 32 bits. Source: RFC 1952 §8
 */
export function crc32(bytes, crc = 0) {
  const [one, two, three, four] = TABLES;
  let value = ~crc;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    value ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    value = four[value & 0xff] ^ three[(value >>> 8) & 0xff] ^ two[(value >>> 16) & 0xff] ^ one[value >>> 24];
  }
  for (; at < bytes.length; at += 1) value = (value >>> 8) ^ one[(value ^ bytes[at]) & 0xff];
  return ~value >>> 0;
}
