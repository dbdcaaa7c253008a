'use strict';
// A cursor over JSON text that finds members and leaves every other character as it is: the rules of `core/src/json`.
//
// `JSON.parse` and `JSON.stringify` would not do: they change numbers beyond 2^53, white space and escapes of a payload that
// is not ours. Bytes are read as Latin-1, one character a byte, so that the same code serves both.

const SPACE = ' \n\r\t';
const SCALAR_ENDS = ',:}]" \n\r\t';

class Cursor {
  constructor(text, at = 0) {
    this.text = text;
    this.at = at;
  }

  /** The next character that is no white space; `''` at the end. */
  peek() {
    while (this.at < this.text.length && SPACE.includes(this.text[this.at])) this.at += 1;
    return this.text[this.at] ?? '';
  }

  eat(expected) {
    const eaten = this.peek() === expected;
    if (eaten) this.at += 1;
    return eaten;
  }

  /** Past the end, where nothing can be read and `finished` is false: the text is broken. */
  spend() {
    this.at = Infinity;
  }

  /** Whether the text held nothing but the values read. */
  finished() {
    return this.peek() === '' && this.at === this.text.length;
  }

  /** Where the next member of the object that was entered begins, or its end. */
  nextStart() {
    const ahead = new Cursor(this.text, this.at);
    ahead.eat(',');
    ahead.peek();
    return ahead.at;
  }

  /** The next key as it stands between its quotes; `undefined` at the object's end. */
  nextKey() {
    let next = this.peek();
    if (next === ',') {
      this.at += 1;
      next = this.peek();
    } else if (next === '}') {
      this.at += 1;
      return undefined;
    }
    const key = next === '"' ? this.string() : undefined;
    if (key !== undefined && this.eat(':')) return key;
    this.spend();
    return undefined;
  }

  /** Consumes a string. */
  string() {
    const start = this.at + 1;
    for (let end = this.text.indexOf('"', start); end >= 0; end = this.text.indexOf('"', end + 1)) {
      let slashes = 0;
      while (end - slashes > start && this.text[end - slashes - 1] === '\\') slashes += 1;
      if (slashes % 2 === 0) {
        this.at = end + 1;
        return this.text.slice(start, end);
      }
    }
    this.spend();
    return undefined;
  }

  /** Consumes any value. */
  skip() {
    const next = this.peek();
    if (next === '"') this.string();
    else if (next === '{' || next === '[') this.skipNested();
    else if (next === '' || ',:}]'.includes(next)) this.spend();
    else while (this.at < this.text.length && !SCALAR_ENDS.includes(this.text[this.at])) this.at += 1;
  }

  /** Consumes an object or an array of any depth: a counter, no recursion. */
  skipNested() {
    let depth = 0;
    while (this.at < this.text.length) {
      const next = this.text[this.at];
      if (next === '"') {
        if (this.string() === undefined) return;
        continue;
      }
      this.at += 1;
      if (next === '{' || next === '[') depth += 1;
      else if (next === '}' || next === ']') {
        depth -= 1;
        if (depth <= 0) return;
      }
    }
    this.spend();
  }
}

/** A key without its escapes; a broken escape leaves it as it stands, which then equals no name. */
function decoded(key) {
  if (!key.includes('\\')) return key;
  try {
    return JSON.parse(`"${key}"`);
  } catch {
    return key;
  }
}

/** The members of an object: decoded name, and where name and value stand. `undefined` where it is no object or broken. */
function members(text) {
  const cursor = new Cursor(text);
  if (!cursor.eat('{')) return undefined;
  const found = [];
  for (;;) {
    const start = cursor.nextStart();
    const key = cursor.nextKey();
    if (key === undefined) break;
    cursor.peek();
    const valueStart = cursor.at;
    cursor.skip();
    found.push({ name: decoded(key), start, end: cursor.at, value: text.slice(valueStart, cursor.at) });
  }
  return cursor.finished() ? found : undefined;
}

/** Takes the members of this name out of an object; every other character is kept. `undefined` where there is none. */
function removeMember(text, name) {
  // Most payloads end here. A name that is written with escapes is found too.
  if (!text.includes(name) && !text.includes('\\u00')) return undefined;
  const all = members(text);
  if (!all?.some((member) => member.name === name)) return undefined;
  let out = text.slice(0, all[0].start);
  let kept = false;
  all.forEach((member, index) => {
    if (member.name === name) return;
    if (index > 0) {
      // Before the first that is kept the comma goes, and white space after it stays: a field that was put in front is so
      // taken out without a trace.
      const separator = text.slice(all[index - 1].end, member.start);
      out += kept ? separator : separator.slice(separator.indexOf(',') + 1);
    }
    out += text.slice(member.start, member.end);
    kept = true;
  });
  return out + text.slice(all[all.length - 1].end);
}

/** Where the first member of an object begins, or its closing brace, and whether there is a member. */
function objectStart(text) {
  const cursor = new Cursor(text);
  let last = text.length - 1;
  while (last >= 0 && ' \t\n\f\r'.includes(text[last])) last -= 1;
  if (!cursor.eat('{') || text[last] !== '}') return undefined;
  const start = cursor.at;
  const next = cursor.peek();
  if (next === '"') return { start, hasMembers: true };
  return next === '}' ? { start, hasMembers: false } : undefined;
}

/**
 * Puts a member into an object, as its first, over any of the same name; every other character is kept.
 * `undefined` where the text is no JSON object. It is not validated beyond what is needed to find its members.
 */
function putMember(text, name, value) {
  if (objectStart(text) === undefined) return undefined;
  const without = removeMember(text, name) ?? text;
  const place = objectStart(without);
  if (place === undefined) return undefined;
  const comma = place.hasMembers ? ',' : '';
  return `${without.slice(0, place.start)}${JSON.stringify(name)}:${value}${comma}${without.slice(place.start)}`;
}

module.exports = { members, objectStart, putMember, removeMember };
