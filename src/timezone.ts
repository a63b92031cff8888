/**
 * The name that the IANA time zone database has for a zone, or undefined. Offsets such as +01:00 are no zones: they know
 * nothing of daylight saving, and engines take them for something else.
 */
export function ianaTimezone(name: string): string | undefined {
  if (!/^[A-Za-z]/.test(name)) return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}
