import { describe, expect, it } from '@jest/globals';
import { addressKind } from '../../src/aws/addresses.js';

describe('the kind of an address', () => {
  it.each([
    ['public', '52.218.0.1 93.184.216.34 172.32.0.1 100.128.0.1 2606:4700::1111 2a05:d018::1'],
    ['public', '::ffff:52.218.0.1 64:ff9b::34da:1'],
    ['loopback', '127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 ::ffff:7f00:1 64:ff9b::127.0.0.1'],
    ['private', '10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255'],
    ['private', 'fc00::1 fd12:3456::1 ::ffff:10.0.0.1 64:ff9b::c0a8:101'],
    ['link-local', '169.254.0.1 169.254.169.253 fe80::1 fe80::1%eth0 ::ffff:169.254.1.1'],
    ['metadata', '169.254.169.254 169.254.170.2 fd00:ec2::254 100.100.100.200 168.63.129.16'],
    ['metadata', '::ffff:169.254.169.254 ::ffff:a9fe:a9fe 64:ff9b::a9fe:a9fe'],
    ['special', '0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 255.255.255.255 192.0.2.1 198.18.0.1'],
    ['special', ':: ff02::1 2002:7f00:1:: 2001:0:1::1 fec0::1 64:ff9b:1::1 ::127.0.0.1'],
    ['special', '::ffff:0.0.0.0 minio.example.com 127.1'],
  ])('is %s for %s', (kind, addresses) => {
    for (const address of addresses.split(' ')) {
      expect([address, addressKind(address)]).toEqual([address, kind]);
    }
  });
});
