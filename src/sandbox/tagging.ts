import { allow, bucketOf, objectOf, readXml } from './exchange.js';
import type { Handler } from './exchange.js';
import { checkTagging, xmlAnswer } from './objects.js';
import { malformedXml, xmlText } from './xml.js';

type Element = Readonly<Record<string, unknown>>;

/** GET of the tags of an object. */
export const getObjectTagging: Handler = (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:GetObjectTagging', { bucket, key: exchange.key });
  const object = objectOf(exchange, bucket);
  const tags = [...new URLSearchParams(object.tagging ?? '')];
  return xmlAnswer('Tagging', {
    TagSet: { Tag: tags.map(([name, value]) => ({ Key: name, Value: value })) },
  });
};

/** PUT of the tags of an object that is there: they replace those it has. */
export const putObjectTagging: Handler = async (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:PutObjectTagging', { bucket, key: exchange.key });
  const document = await readXml(exchange, 'Tagging');
  const tags = ((document.TagSet as Element | undefined)?.Tag ?? []) as readonly Element[];
  const tagging = new URLSearchParams();
  for (const tag of tags) {
    const name = xmlText(tag, 'Key');
    if (name === undefined) throw malformedXml();
    tagging.append(name, xmlText(tag, 'Value') ?? '');
  }
  bucket.retag(objectOf(exchange, bucket).key, checkTagging(tagging.toString()));
  return { status: 200 };
};
