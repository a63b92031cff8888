/** What a header such as Accept or Accept-Encoding names, with how much each is wanted (RFC 9110, section 12.4.2). */
export function preferences(header: string): ReadonlyMap<string, number> {
  return new Map(
    header.split(',').flatMap((item): [string, number][] => {
      const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      const wanted = weight === undefined ? 1 : Number(weight);
      return name === '' ? [] : [[name, wanted >= 0 && wanted <= 1 ? wanted : 0]];
    }),
  );
}

/** The type that Accept wants most, of those that `types` lists; of equal ones the first. Without the header, the first. */
export function acceptedType(accept: string | undefined, types: readonly string[]) {
  const wanted = preferences(accept ?? '*/*');
  const weightOf = (type: string) =>
    wanted.get(type) ?? wanted.get(`${type.split('/')[0]}/*`) ?? wanted.get('*/*') ?? 0;
  return best(types, weightOf);
}

/** The encoding that Accept-Encoding wants most, of those that `encodings` lists; undefined where it wants none, or none more. */
export function acceptedEncoding(accept: string | undefined, encodings: readonly string[]) {
  const wanted = preferences(accept ?? '');
  const weightOf = (encoding: string) => wanted.get(encoding) ?? wanted.get('*') ?? 0;
  const found = best(encodings, weightOf);
  return found !== undefined && weightOf(found) >= (wanted.get('identity') ?? 0)
    ? found
    : undefined;
}

function best(names: readonly string[], weightOf: (name: string) => number): string | undefined {
  const most = Math.max(...names.map(weightOf));
  return most > 0 ? names.find((name) => weightOf(name) === most) : undefined;
}
