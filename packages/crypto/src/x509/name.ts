import { AsnConvert } from '@peculiar/asn1-schema';
import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from '@peculiar/asn1-x509';
import { serializeDer } from '../der.ts';
import { CryptoError } from '../errors.ts';

/**
 * The attribute types that have a short name (RFC 4514, section 3). Others are shown by object identifier.
 */
const shortNames: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  O: '2.5.4.10',
  OU: '2.5.4.11',
};

const attribute = /^\s*([A-Z]+)=(.*)$/s;
const separator = /(?<!\\),/;

/**
 * DER of a name written as `CN=CCF Node,O=Example`, in that order; a comma within a value is written `\,`.
 */
export function encodeName(text: string): Uint8Array<ArrayBuffer> {
  const parts = text.split(separator).map((part) => {
    const [, name = '', value = ''] = attribute.exec(part) ?? [];
    const type = shortNames[name];
    if (type === undefined || value === '') {
      throw new CryptoError(
        'InvalidArgument',
        `name "${text}": expected CN=...,O=... with ${Object.keys(shortNames)}`,
      );
    }
    return new RelativeDistinguishedName([
      new AttributeTypeAndValue({ type, value: new AttributeValue(directoryString(name, value)) }),
    ]);
  });
  return serializeDer(new Name(parts));
}

/** A country is a PrintableString of two letters (RFC 5280, appendix A.1); the rest are UTF-8. */
function directoryString(name: string, value: string): { printableString: string } | { utf8String: string } {
  const unescaped = value.replaceAll('\\,', ',');
  return name === 'C' ? { printableString: unescaped } : { utf8String: unescaped };
}

/**
 * The text of a DER name, in the notation of `encodeName`. For people and logs: names are compared as DER.
 */
export function decodeName(der: Uint8Array): string {
  const name = AsnConvert.parse(der, Name);
  const parts = name.flatMap((relative) =>
    relative.map(({ type, value }) => [type, value.toString()] as const),
  );
  return parts.map(([type, value]) => `${shortNameOf(type)}=${value.replaceAll(',', '\\,')}`).join(',');
}

function shortNameOf(type: string): string {
  return Object.keys(shortNames).find((name) => shortNames[name] === type) ?? type;
}
