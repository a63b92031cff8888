import { LRUCache } from 'lru-cache';

/** What an entry takes besides its characters, counted as characters: many small ones may not take more than a few large ones. */
const entryCharacters = 256;

/**
 * Texts by their keys: those that were not asked for the longest go first.
 *
 * @param most - Characters of keys and texts, 256 more for each.
 */
export function recentTexts(most: number): LRUCache<string, string> {
  return new LRUCache({
    maxSize: most,
    sizeCalculation: (text: string, key: string) => key.length + text.length + entryCharacters,
  });
}
