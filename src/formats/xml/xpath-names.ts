/** Tests a name in an XPath against names as written: without a prefix it means that local name in any namespace. */
export function nameTest(name: string): (written: string) => boolean {
  if (name === '*') return () => true;
  if (name.endsWith(':*')) return (written) => written.startsWith(name.slice(0, -1));
  const local = name.startsWith('*:') ? name.slice(2) : name;
  if (local.includes(':')) return (written) => written === local;
  return (written) => written === local || written.slice(written.indexOf(':') + 1) === local;
}

/** As {@link nameTest}, for attributes: without a prefix they are in no namespace. */
export function attributeTest(name: string): (written: string) => boolean {
  return name.includes('*') ? nameTest(name) : (written) => written === name;
}
