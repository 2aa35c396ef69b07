#include "jigs/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/jigs/scratch.h"

static const char good_jig[] =
    "station: line-1\n"                                                                                /* 1 */
    "tokens:\n"                                                                                        /* 2 */
    "  - module: unix:/run/p11.sock\n"                                                                 /* 3 */
    "    uri: pkcs11:token=production\n"                                                               /* 4 */
    "    pin_file: production.pin\n"                                                                   /* 5 */
    "    issuing: issuing.pem\n"                                                                       /* 6 */
    "    station: station.pem\n"                                                                       /* 7 */
    "  - {module: m.so, uri: 'pkcs11:token=spare', pin_file: s.pin, issuing: i.pem, station: s.pem}\n" /* 8 */
    "certificates:\n"                                                                                  /* 9 */
    "  root: root.pem\n"                                                                               /* 10 */
    "  recovery: recovery.pem\n"                                                                       /* 11 */
    "  fingerprint: key.check\n"                                                                       /* 12 */
    "record: host=/run/postgresql dbname=kokuin\n"                                                     /* 13 */
    "state_directory: state\n"                                                                         /* 14 */
    "printers:\n"                                                                                      /* 15 */
    "  - {name: big, kind: zpl, path: 'tcp:127.0.0.1:9100', dpi: 300}\n"                               /* 16 */
    "  - {name: file, kind: png, path: out, dpi: 203}\n"                                               /* 17 */
    "slots:\n"                                                                                         /* 18 */
    "  - {number: 1, kind: serial, path: '1-1:1.0', printer: big}\n"                                   /* 19 */
    "  - number: 2\n"                                                                                  /* 20 */
    "    kind: usb\n"                                                                                  /* 21 */
    "    path: 1-2\n"                                                                                  /* 22 */
    "    vendor_id: 0x1209\n"                                                                          /* 23 */
    "    product_id: 0x0001\n"                                                                         /* 24 */
    "    printer: file\n"                                                                              /* 25 */
    "  - {number: 3, kind: stream, path: 'unix:/run/u.sock', printer: big}\n"                          /* 26 */
    "scanners:\n"                                                                                      /* 27 */
    "  - {name: hand, kind: serial, path: 1-5}\n"                                                      /* 28 */
    "  - {name: arm, kind: stream, path: 'tcp:[::1]:7000', slot: 2}\n"                                 /* 29 */
    "products:\n"                                                                                      /* 30 */
    "  - a.yaml\n"                                                                                     /* 31 */
    "  - b.yaml\n";                                                                                    /* 32 */

static const char good_ceremony[] = "organization: Works\n"                                              /* 1 */
                                    "country: JP\n"                                                      /* 2 */
                                    "root: {module: m.so, uri: 'pkcs11:token=a', pin_file: a}\n"         /* 3 */
                                    "production: [{module: m.so, uri: 'pkcs11:token=b', pin_file: b}]\n" /* 4 */
                                    "recovery: {module: m.so, uri: 'pkcs11:token=c', pin_file: c}\n"     /* 5 */
                                    "root_years: 30\n"                                                   /* 6 */
                                    "issuing_years: 20\n"                                                /* 7 */
                                    "station_years: 5\n"                                                 /* 8 */
                                    "output: ca\n"                                                       /* 9 */
                                    "custodians: [{name: A, role: B}, {name: C, role: D}]\n";            /* 10 */

/* 260 characters */
#define TEXT_65 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklm"
#define LONG_TEXT TEXT_65 TEXT_65 TEXT_65 TEXT_65

static const struct bad bad_jigs[] = {
    /* what is not a plain YAML file of keys and values */
    {NULL, "# nothing\n", FAULT_CONFIG_SYNTAX, "jig.yaml:1:1: ", "says nothing"},
    {NULL, "- a\n", FAULT_CONFIG_SYNTAX, "jig.yaml:1:1: ", "expected keys and values, found a list"},
    {NULL, "word\n", FAULT_CONFIG_SYNTAX, "jig.yaml:1:1: ", "found a single value"},
    {NULL, "{}\n", FAULT_CONFIG_KEY, "jig.yaml:1:1: station: ", "missing key"},
    {"b.yaml", "'b.yaml", FAULT_CONFIG_SYNTAX, "jig.yaml:33:1: ", "end of stream"},
    {"line-1", "[line-1", FAULT_CONFIG_SYNTAX, "jig.yaml:2:", "did not find expected"},
    {"line-1\n", "line-1\n---\nstation: x\n", FAULT_CONFIG_SYNTAX, "jig.yaml:2:1: ", "second document"},
    {"station: line-1\n", "%YAML 1.1\n---\nstation: line-1\n", FAULT_CONFIG_SYNTAX, "jig.yaml:1:1: ", "directives"},
    {"line-1", "&here line-1", FAULT_CONFIG_SYNTAX, "jig.yaml:1:10: station: ", "anchors"},
    {"tokens:\n", "tokens: &here\n", FAULT_CONFIG_SYNTAX, "jig.yaml:2:9: tokens: ", "anchors"},
    {"printers:\n", "printers: !!seq\n", FAULT_CONFIG_SYNTAX, "jig.yaml:15:11: printers: ", "tags"},
    {"line-1", "*here", FAULT_CONFIG_SYNTAX, "jig.yaml:1:10: station: ", "aliases"},
    {"line-1", "!!str line-1", FAULT_CONFIG_SYNTAX, "jig.yaml:1:10: station: ", "tags"},
    {"line-1", "line\t1", FAULT_CONFIG_SYNTAX, "jig.yaml:1:14: ", "control character"},
    {"line-1\n", "line-1\r\n", FAULT_CONFIG_SYNTAX, "jig.yaml:1:16: ", "control character (byte 0x0d)"},
    {"line-1", "line\xff", FAULT_CONFIG_SYNTAX, "jig.yaml:1:14: ", "not UTF-8"},
    {"line-1", "\xe5\x88\xbb\xe2\x80\xae", FAULT_CONFIG_SYNTAX, "jig.yaml:1:11: ", "invisible character"},
    {"line-1", "\"line\\0x\"", FAULT_CONFIG_SYNTAX, "jig.yaml:1:10: station: ", "control character"},
    {"line-1", "\"\\u202e\"", FAULT_CONFIG_SYNTAX, "jig.yaml:1:10: station: ", "invisible character"},
    {"line-1", "|\n  line-1", FAULT_CONFIG_SYNTAX, "jig.yaml:1:10: station: ", "line break"},
    {"line-1", "[[[[[[[a]]]]]]]", FAULT_CONFIG_SYNTAX, "jig.yaml:1:15: station[1]", "nested too deeply"},
    {"station: line-1", "? [a]\n: b", FAULT_CONFIG_SYNTAX, "jig.yaml:1:3: ", "expected a key"},
    {"station: line-1", "? ''\n: b", FAULT_CONFIG_SYNTAX, "jig.yaml:1:3: ", "empty key"},
    {"station: line", "a_key_that_is_longer_than_any_of_ours: line", FAULT_CONFIG_SYNTAX,
     "jig.yaml:1:1: ", "32 characters"},

    /* keys */
    {"state_directory: state\n", "state_directory: state\nwibble: 1\n", FAULT_CONFIG_KEY,
     "jig.yaml:15:1: wibble: ", "expected one of station, tokens, certificates, record"},
    {"    pin_file: production.pin\n", "    pin_file: production.pin\n    pin: 1\n", FAULT_CONFIG_KEY,
     "jig.yaml:6:5: tokens[1].pin: ", "expected one of module, uri, pin_file"},
    {"number: 3, kind", "nubmer: 3, kind", FAULT_CONFIG_KEY,
     "jig.yaml:26:6: slots[3].nubmer: ", "unknown key; expected one of number, kind, path, baud"},
    {"state_directory: state\n", "", FAULT_CONFIG_KEY, "jig.yaml:1:1: state_directory: ", "missing key"},
    {"    path: 1-2\n", "", FAULT_CONFIG_KEY, "jig.yaml:20:5: slots[2].path: ", "missing key"},
    {"    uri: pkcs11:token=production\n", "", FAULT_CONFIG_KEY, "jig.yaml:3:5: tokens[1].uri: ", "missing key"},
    {"    kind: usb\n", "    kind: usb\n    number: 4\n", FAULT_CONFIG_KEY,
     "jig.yaml:22:5: slots[2].number: ", "doubled key"},
    {"tokens:\n", "station: line-2\ntokens:\n", FAULT_CONFIG_KEY, "jig.yaml:2:1: station: ", "doubled key"},

    /* shapes */
    {"line-1", "[line-1]", FAULT_CONFIG_VALUE, "jig.yaml:1:1: station: ", "expected a single value"},
    {"  - a.yaml\n  - b.yaml\n", "  a.yaml\n", FAULT_CONFIG_VALUE, "jig.yaml:30:1: products: ", "expected a list"},
    {"  - a.yaml\n  - b.yaml\n", "  - [a.yaml]\n", FAULT_CONFIG_VALUE,
     "jig.yaml:31:5: products[1]: ", "expected a single value"},
    {"  - a.yaml\n  - b.yaml\n", "  []\n", FAULT_CONFIG_VALUE,
     "jig.yaml:30:1: products: ", "expected at least 1 entries"},
    {"  - a.yaml\n  - b.yaml\n", "  [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]\n", FAULT_CONFIG_VALUE,
     "jig.yaml:30:1: products: ", "expected at most 16 entries"},
    {"  - {name: hand, kind: serial, path: 1-5}\n", "  - hand\n", FAULT_CONFIG_VALUE,
     "jig.yaml:28:5: scanners[1]: ", "expected keys and values of its own"},

    /* tokens */
    {"tokens:\n", "token: {module: m.so, uri: 'pkcs11:token=a', pin_file: a}\ntokens:\n", FAULT_CONFIG_KEY,
     "jig.yaml:2:1: token: unknown key; expected one of station, tokens", ""},
    {"    issuing: issuing.pem\n", "", FAULT_CONFIG_KEY, "jig.yaml:3:5: tokens[1].issuing: ", "missing key"},
    {", station: s.pem}", "}", FAULT_CONFIG_KEY, "jig.yaml:8:5: tokens[2].station: ", "missing key"},
    {"    pin_file: production.pin\n", "", FAULT_CONFIG_KEY, "jig.yaml:3:5: tokens[1].pin_file: ", "missing key"},
    {"issuing: i.pem", "issuing: ''", FAULT_CONFIG_VALUE, "jig.yaml:8:64: tokens[2].issuing: ", "expected a path"},
    {"station: s.pem", "station: ''", FAULT_CONFIG_VALUE, "jig.yaml:8:80: tokens[2].station: ", "expected a path"},
    {"module: m.so, uri: 'pkcs11:token=spare'", "module: 'unix:/run/p11.sock', uri: 'pkcs11:token=production'",
     FAULT_CONFIG_VALUE, "jig.yaml:8:36: tokens[2].uri: ", "a token of its own, found that of entry 1 again"},
    {"issuing: i.pem", "issuing: issuing.pem", FAULT_CONFIG_VALUE,
     "jig.yaml:8:64: tokens[2].issuing: ", "a certificate of its own, found that of entry 1"},
    {"station: s.pem", "station: station.pem", FAULT_CONFIG_VALUE,
     "jig.yaml:8:80: tokens[2].station: ", "a certificate of its own, found that of entry 1"},
    {"  fingerprint: key.check\n", "", FAULT_CONFIG_KEY, "jig.yaml:9:1: certificates.fingerprint: ", "missing key"},
    {"  fingerprint: key.check\n", "  fingerprint: key.check\n  issuing: i.pem\n", FAULT_CONFIG_KEY,
     "jig.yaml:13:3: certificates.issuing: ", "expected one of root, recovery"},

    /* texts and paths */
    {"line-1", "''", FAULT_CONFIG_VALUE, "jig.yaml:1:1: station: ", "expected 1 to 32 characters, found 0"},
    {"line-1", "", FAULT_CONFIG_VALUE, "jig.yaml:1:1: station: ", "expected 1 to 32 characters"},
    {"line-1", "line-1-and-many-more-letters-of-it", FAULT_CONFIG_VALUE, "jig.yaml:1:1: station: ", "found 34"},
    {"line-1", "line 1", FAULT_CONFIG_VALUE, "jig.yaml:1:1: station: ", "expected letters, digits, . _ -"},
    {"state_directory: state", "state_directory: $HOME/state", FAULT_CONFIG_VALUE,
     "jig.yaml:14:1: state_directory: ", "not expanded"},
    {"state_directory: state", "state_directory: ~/state", FAULT_CONFIG_VALUE,
     "jig.yaml:14:1: state_directory: ", "not expanded"},
    {"root.pem", "", FAULT_CONFIG_VALUE, "jig.yaml:10:3: certificates.root: ", "expected a path"},

    /* secrets that do not belong here, and are not shown */
    {"uri: pkcs11:token=production", "uri: pkcs11:token=production?pin-value=1234", FAULT_CONFIG_VALUE,
     "jig.yaml:4:5: tokens[1].uri: expected no PIN here", "pin_file"},
    {"uri: pkcs11:token=production", "uri: pkcs11:token=production?PIN-source=file:x", FAULT_CONFIG_VALUE,
     "jig.yaml:4:5: tokens[1].uri: expected no PIN here", "pin_file"},
    {"uri: pkcs11:token=production", "uri: production", FAULT_CONFIG_VALUE,
     "jig.yaml:4:5: tokens[1].uri: ", "RFC 7512"},
    {"dbname=kokuin", "password=hunter2", FAULT_CONFIG_VALUE, "jig.yaml:13:1: record: expected no password here", ""},
    {"dbname=kokuin", "password = 'hunter2'", FAULT_CONFIG_VALUE, "jig.yaml:13:1: record: expected no password", ""},
    {"host=/run/postgresql dbname=kokuin", "postgresql://me:hunter2@host/db", FAULT_CONFIG_VALUE,
     "jig.yaml:13:1: record: expected keyword=value pairs", ""},
    {"dbname=kokuin", "dbname='kokuin", FAULT_CONFIG_VALUE, "jig.yaml:13:1: record: ", "expected keyword=value"},
    {"dbname=kokuin", "dbname='a'password=b", FAULT_CONFIG_VALUE, "jig.yaml:13:1: record: ", "expected keyword=value"},
    {"host=/run/postgresql dbname=kokuin", "''", FAULT_CONFIG_VALUE, "jig.yaml:13:1: record: ", "expected keyword"},
    {"dbname=kokuin", "dbname=kokuin\\", FAULT_CONFIG_VALUE, "jig.yaml:13:1: record: ", "expected keyword=value"},
    {"dbname=kokuin", LONG_TEXT LONG_TEXT, FAULT_CONFIG_VALUE, "jig.yaml:13:1: record: ", "at most 513 characters"},
    {"module: unix:/run/p11.sock", "module: unix:p11.sock", FAULT_CONFIG_VALUE,
     "jig.yaml:3:5: tokens[1].module: ", "unix:/PATH"},
    {"module: unix:/run/p11.sock", "module: tcp:h:1", FAULT_CONFIG_VALUE,
     "jig.yaml:3:5: tokens[1].module: ", "unix:/PATH"},

    {"module: unix:/run/p11.sock", "module: unix:/" LONG_TEXT, FAULT_CONFIG_VALUE,
     "jig.yaml:3:5: tokens[1].module: ", "unix:/PATH"},
    {"state_directory: state", "state_directory: " LONG_TEXT, FAULT_CONFIG_VALUE,
     "jig.yaml:14:1: state_directory: ", "at most 256 characters with its directory"},

    /* printers */
    {"name: file, kind: png", "name: big, kind: png", FAULT_CONFIG_VALUE,
     "jig.yaml:17:6: printers[2].name: ", "each name once"},
    {"kind: png, path: out", "kind: pdf, path: out", FAULT_CONFIG_VALUE,
     "jig.yaml:17:18: printers[2].kind: ", "expected one of zpl, png, ipp, found 'pdf'"},
    {"kind: png, path: out", "kind: zpl, path: 'tcp:127.0.0.1:9100'", FAULT_CONFIG_VALUE,
     "jig.yaml:17:29: printers[2].path: ", "that of printer 'big'"},
    {"'tcp:127.0.0.1:9100'", "'tcp:127.0.0.1:90000'", FAULT_CONFIG_VALUE,
     "jig.yaml:16:28: printers[1].path: ", "expected tcp:HOST:PORT or unix:/PATH"},
    {"kind: zpl, path: 'tcp:127.0.0.1:9100'", "kind: ipp, path: 'tcp:127.0.0.1:9100'", FAULT_CONFIG_VALUE,
     "jig.yaml:16:28: printers[1].path: ", "expected ipp://HOST:PORT/PATH"},
    {"kind: zpl, path: 'tcp:127.0.0.1:9100'", "kind: ipp, path: 'ipp://printer/ipp'", FAULT_CONFIG_VALUE,
     "jig.yaml:16:28: printers[1].path: ", "expected ipp://HOST:PORT/PATH"},
    {"kind: zpl, path: 'tcp:127.0.0.1:9100'", "kind: ipp, path: 'ipp://printer:631'", FAULT_CONFIG_VALUE,
     "jig.yaml:16:28: printers[1].path: ", "expected ipp://HOST:PORT/PATH"},
    {"kind: zpl, path: 'tcp:127.0.0.1:9100'", "kind: ipp, path: 'ipp://printer:631/a b'", FAULT_CONFIG_VALUE,
     "jig.yaml:16:28: printers[1].path: ", "expected ipp://HOST:PORT/PATH"},
    {"kind: zpl, path: 'tcp:127.0.0.1:9100'",
     "kind: ipp, uuid: 'urn:uuid:6B6F6B75-696e-4c61-8265-6c7072696e74', path: 'ipp://p:631/p'", FAULT_CONFIG_VALUE,
     "jig.yaml:16:28: printers[1].uuid: ", "in lower case"},
    {"kind: png, path: out", "kind: png, uuid: 'urn:uuid:6b6f6b75-696e-4c61-8265-6c7072696e74', path: out",
     FAULT_CONFIG_VALUE, "jig.yaml:17:29: printers[2].uuid: ", "only a printer of kind ipp"},
    {"kind: png, path: out", "kind: png, mode: peel, path: out", FAULT_CONFIG_VALUE,
     "jig.yaml:17:29: printers[2].mode: ", "only a printer of kind zpl"},
    {"kind: zpl, path: 'tcp:127.0.0.1:9100'", "kind: zpl, mode: rewind, path: 'tcp:127.0.0.1:9100'", FAULT_CONFIG_VALUE,
     "jig.yaml:16:28: printers[1].mode: ", "tear, peel, cut"},
    {"dpi: 203", "dpi: 200", FAULT_CONFIG_VALUE, "jig.yaml:17:40: printers[2].dpi: ", "203, 300, 600"},

    /* slots */
    {"number: 2", "number: 1", FAULT_CONFIG_VALUE,
     "jig.yaml:20:5: slots[2].number: ", "each number once, found 1 again"},
    {"number: 2", "number: 0", FAULT_CONFIG_VALUE, "jig.yaml:20:5: slots[2].number: ", "from 1 to 16, found '0'"},
    {"number: 2", "number: 17", FAULT_CONFIG_VALUE, "jig.yaml:20:5: slots[2].number: ", "from 1 to 16"},
    {"number: 2", "number: 2x", FAULT_CONFIG_VALUE, "jig.yaml:20:5: slots[2].number: ", "found '2x'"},
    {"number: 2", "number: +2", FAULT_CONFIG_VALUE, "jig.yaml:20:5: slots[2].number: ", "found '+2'"},
    {"number: 2", "number: 02", FAULT_CONFIG_VALUE, "jig.yaml:20:5: slots[2].number: ", "found '02'"},
    {"number: 2", "number: 18446744073709551618", FAULT_CONFIG_VALUE, "jig.yaml:20:5: slots[2].number: ", "1 to 16"},
    {"number: 2", "number: '2 '", FAULT_CONFIG_VALUE, "jig.yaml:20:5: slots[2].number: ", "found '2 '"},
    {"kind: usb", "kind: USB", FAULT_CONFIG_VALUE, "jig.yaml:21:5: slots[2].kind: ", "serial, usb, stream"},
    {"path: 1-2", "path: ttyACM0", FAULT_CONFIG_VALUE, "jig.yaml:22:5: slots[2].path: ", "where it is plugged in"},
    {"path: 1-2", "path: /dev/ttyACM-0", FAULT_CONFIG_VALUE, "jig.yaml:22:5: slots[2].path: ", "plugged in"},
    {"path: 1-2", "path: '/dev/serial/by-path/1-1:1.0'", FAULT_CONFIG_VALUE,
     "jig.yaml:22:5: slots[2].path: ", "that of slot 1"},
    {"    vendor_id: 0x1209\n", "", FAULT_CONFIG_KEY, "jig.yaml:20:5: slots[2].vendor_id: ", "must be plugged in"},
    {"vendor_id: 0x1209", "vendor_id: 1209", FAULT_CONFIG_VALUE,
     "jig.yaml:23:5: slots[2].vendor_id: ", "expected 0x0001 to 0xffff"},
    {"product_id: 0x0001", "product_id: 0x0000", FAULT_CONFIG_VALUE,
     "jig.yaml:24:5: slots[2].product_id: ", "expected 0x0001 to 0xffff"},
    {"    vendor_id: 0x1209\n", "    vendor_id: 0x1209\n    baud: 9600\n", FAULT_CONFIG_VALUE,
     "jig.yaml:24:5: slots[2].baud: ", "expected none for a slot of kind usb"},
    {"kind: serial, path: '1-1:1.0'", "kind: serial, baud: 9601, path: '1-1:1.0'", FAULT_CONFIG_VALUE,
     "jig.yaml:19:31: slots[1].baud: ", "expected one of 9600, 19200"},
    {"kind: serial, path: '1-1:1.0'", "kind: serial, vendor_id: 0x1209, path: '1-1:1.0'", FAULT_CONFIG_KEY,
     "jig.yaml:19:5: slots[1].product_id: ", "come together"},
    {"kind: serial, path: '1-1:1.0'", "kind: serial, interface: 1, path: '1-1:1.0'", FAULT_CONFIG_VALUE,
     "jig.yaml:19:31: slots[1].interface: ", "expected none"},
    {"printer: file", "printer: fiel", FAULT_CONFIG_VALUE,
     "jig.yaml:25:5: slots[2].printer: ", "expected the name of a printer of this jig, found 'fiel'"},
    {"'unix:/run/u.sock'", "'udp:host:1'", FAULT_CONFIG_VALUE, "jig.yaml:26:31: slots[3].path: ", "tcp:HOST:PORT"},

    /* scanners and products */
    {"name: arm", "name: hand", FAULT_CONFIG_VALUE, "jig.yaml:29:6: scanners[2].name: ", "each name once"},
    {"kind: stream, path: 'tcp:[::1]:7000'", "kind: serial, path: 1-5", FAULT_CONFIG_VALUE,
     "jig.yaml:29:31: scanners[2].path: ", "that of scanner 'hand'"},
    {"'tcp:[::1]:7000'", "'tcp:7000'", FAULT_CONFIG_VALUE, "jig.yaml:29:31: scanners[2].path: ", "tcp:HOST:PORT"},
    {"'tcp:[::1]:7000'", "'tcp:a b:7000'", FAULT_CONFIG_VALUE, "jig.yaml:29:31: scanners[2].path: ", "tcp:HOST:PORT"},
    {"slot: 2}", "slot: 5}", FAULT_CONFIG_VALUE, "jig.yaml:29:55: scanners[2].slot: ", "a slot of this jig, found 5"},
    {"path: 1-5}", "path: 1-2}", FAULT_CONFIG_VALUE, "jig.yaml:28:32: scanners[1].path: ", "that of slot 2"},
    {"path: 1-5}", "path: 1-5, slot: 1}", FAULT_CONFIG_VALUE, "jig.yaml:27:1: scanners: ", "a scanner for slot 3"},
    {"kind: serial, path: 1-5", "kind: usb, path: 1-5", FAULT_CONFIG_VALUE,
     "jig.yaml:28:18: scanners[1].kind: ", "expected one of serial, keyboard, stream"},
    {"kind: serial, path: 1-5", "kind: keyboard, path: event5", FAULT_CONFIG_VALUE,
     "jig.yaml:28:34: scanners[1].path: ", "or a name of /dev/input/by-path/, found 'event5'"},
    {"kind: serial, path: 1-5", "kind: keyboard, path: /dev/input/event5", FAULT_CONFIG_VALUE,
     "jig.yaml:28:34: scanners[1].path: ", "or a name of /dev/input/by-path/, found '/dev/input/event5'"},
    {"kind: serial, path: 1-5", "kind: keyboard, path: /dev/serial/by-path/pci-0000:00:14.0-usb-0:5:1.0",
     FAULT_CONFIG_VALUE, "jig.yaml:28:34: scanners[1].path: ", "or a name of /dev/input/by-path/"},
    {"kind: serial, path: 1-5", "kind: keyboard, path: '/dev/input/by-path/1-1:1.0-event-kbd'", FAULT_CONFIG_VALUE,
     "jig.yaml:28:34: scanners[1].path: ", "that of slot 1"},
    {"kind: usb\n", "kind: keyboard\n", FAULT_CONFIG_VALUE,
     "jig.yaml:21:5: slots[2].kind: ", "expected one of serial, usb, stream"},
    {"  - b.yaml\n", "  - a.yaml\n", FAULT_CONFIG_VALUE, "jig.yaml:32:5: products[2]: ", "each file once"},
};

static const struct bad bad_ceremonies[] = {
    {"country: JP", "country: jp", FAULT_CONFIG_VALUE, "ceremony.yaml:2:1: country: ", "two letters A-Z"},
    {"pkcs11:token=b", "pkcs11:token=a", FAULT_CONFIG_VALUE,
     "ceremony.yaml:4:14: production[1]: ", "that of root again"},
    {"pin_file: c}", "pin_file: ''}", FAULT_CONFIG_VALUE, "ceremony.yaml:5:49: recovery.pin_file: ", "expected a path"},
    {"issuing_years: 20", "issuing_years: 31", FAULT_CONFIG_VALUE,
     "ceremony.yaml:7:1: issuing_years: ", "from 1 to 30"},
    {"root_years: 30", "root_years: 51", FAULT_CONFIG_VALUE, "ceremony.yaml:6:1: root_years: ", "from 1 to 50"},
    {"output: ca\n", "", FAULT_CONFIG_KEY, "ceremony.yaml:1:1: output: ", "missing key"},
    {"output: ca\n", "output: ca\nspare: {module: m.so}\n", FAULT_CONFIG_KEY,
     "ceremony.yaml:10:1: spare.uri: ", "missing key"},
    {"pin_file: b}", "pin_file: b}, {module: m.so, uri: 'pkcs11:token=b', pin_file: b}", FAULT_CONFIG_VALUE,
     "ceremony.yaml:4:66: production[2]: ", "that of production[1] again"},
    {"[{module: m.so, uri: 'pkcs11:token=b', pin_file: b}]", "[]", FAULT_CONFIG_VALUE,
     "ceremony.yaml:4:1: production: ", "at least 1"},
    {"[{module: m.so, uri: 'pkcs11:token=b', pin_file: b}]", "{module: m.so, uri: 'pkcs11:token=b', pin_file: b}",
     FAULT_CONFIG_VALUE, "ceremony.yaml:4:1: production: ", "list"},
    {"name: C", "name: A", FAULT_CONFIG_VALUE, "ceremony.yaml:10:35: custodians[2].name: ", "each custodian once"},
    {", role: D", "", FAULT_CONFIG_KEY, "ceremony.yaml:10:34: custodians[2].role: ", "missing key"},
    {"[{name: A, role: B}, {name: C, role: D}]", "[]", FAULT_CONFIG_VALUE,
     "ceremony.yaml:10:1: custodians: ", "at least 1"},
    {"pin_file: a}", "pin: a}", FAULT_CONFIG_KEY,
     "ceremony.yaml:3:45: root.pin: ", "unknown key; expected one of module"},
};

static const char *short_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* Takes the scratch directory's own name off, which is different each time. */
static void drop_folder(const char *path, struct fault *fault)
{
    char *at = strstr(fault->text, short_name(path));
    assert_non_null(at);
    memmove(fault->text, at, strlen(at) + 1);
}

static bool read_jig(const char *path, struct fault *fault)
{
    struct jig *jig = NULL;
    bool good = jig_read(path, &jig, fault);
    assert_true(good || !jig);
    assert_null(good ? NULL : strstr(fault->text, "hunter2"));
    assert_null(good ? NULL : strstr(fault->text, "1234"));
    jig_free(jig);
    if (!good)
        drop_folder(path, fault);
    return good;
}

static bool read_ceremony(const char *path, struct fault *fault)
{
    struct ceremony *ceremony = NULL;
    bool good = ceremony_read(path, &ceremony, fault);
    assert_true(good || !ceremony);
    ceremony_free(ceremony);
    if (!good)
        drop_folder(path, fault);
    return good;
}

static void accepts_the_good_files(void **state)
{
    (void)state;
    struct fault fault = {0};
    char path[SCRATCH_PATH_SIZE];
    scratch_write("jig.yaml", good_jig, strlen(good_jig), path);
    if (!read_jig(path, &fault))
        fail_msg("%s", fault.text);
    scratch_write("ceremony.yaml", good_ceremony, strlen(good_ceremony), path);
    if (!read_ceremony(path, &fault))
        fail_msg("%s", fault.text);
}

static void takes_quotes_in_the_record(void **state)
{
    (void)state;
    char text[SCRATCH_TEXT_MAX], path[SCRATCH_PATH_SIZE];
    scratch_spoil(good_jig, "dbname=kokuin", "dbname = 'a \\' password=b' user=c\\ d passfile=/run/pass", text);
    scratch_write("jig.yaml", text, strlen(text), path);
    struct fault fault = {0};
    CLEANUP(jig_freep) struct jig *jig = NULL;
    if (!jig_read(path, &jig, &fault))
        fail_msg("%s", fault.text);
    assert_string_equal(jig->record, "host=/run/postgresql dbname = 'a \\' password=b' user=c\\ d passfile=/run/pass");
}

/* What replaces the printer "big" of the good jig. */
static void reads_ipp_printers(void **state)
{
    (void)state;
    static const char big[] = "kind: zpl, path: 'tcp:127.0.0.1:9100'";
    static const char ipp[] = "kind: ipp, uuid: 'urn:uuid:6b6f6b75-696e-4c61-8265-6c7072696e74', "
                              "path: 'ipp://[fe80::1]:631/ipp/print'";
    const char *at = strstr(good_jig, big);
    char text[sizeof good_jig + sizeof ipp];
    struct fault fault = {0};
    CLEANUP(jig_freep) struct jig *jig = NULL;
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good_jig), good_jig, ipp, at + strlen(big));
    if (!jig_parse((const uint8_t *)text, strlen(text), "jig.yaml", &jig, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(jig->printers[0].kind, PRINTER_IPP);
    assert_string_equal(jig->printers[0].path, "ipp://[fe80::1]:631/ipp/print");
    assert_string_equal(jig->printers[0].uuid, "urn:uuid:6b6f6b75-696e-4c61-8265-6c7072696e74");
    assert_string_equal(jig->printers[1].uuid, "");
}

static void reads_how_labels_leave_the_printer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum printer_mode mode;
    } modes[] = {{"zpl, mode: tear", PRINTER_TEARS},
                 {"zpl, mode: peel", PRINTER_PEELS},
                 {"zpl, mode: cut", PRINTER_CUTS},
                 {"zpl", PRINTER_TEARS}};
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        static const char plain[] = "kind: zpl, path: 'tcp:127.0.0.1:9100'";
        const char *at = strstr(good_jig, plain);
        char text[sizeof good_jig + 32];
        struct fault fault = {0};
        CLEANUP(jig_freep) struct jig *jig = NULL;
        assert_non_null(at);
        (void)snprintf(text, sizeof text, "%.*skind: %s%s", (int)(at - good_jig), good_jig, modes[i].text,
                       at + strlen("kind: zpl"));
        if (!jig_parse((const uint8_t *)text, strlen(text), "jig.yaml", &jig, &fault))
            fail_msg("%s", fault.text);
        assert_int_equal(jig->printers[0].mode, modes[i].mode);
    }
}

static void gives_paths_in_the_callers_words(void **state)
{
    (void)state;
    const uint8_t *bytes = (const uint8_t *)good_jig;
    struct fault fault = {0};
    CLEANUP(jig_freep) struct jig *jig = NULL;
    assert_true(jig_parse(bytes, strlen(good_jig), "jig.yaml", &jig, &fault));
    assert_string_equal(jig->products[0], "a.yaml");
    assert_string_equal(jig->printers[1].path, "out");

    assert_false(jig_parse(bytes, 0, "/" TEXT_65 "/folder/jig.yaml", &jig, &fault));
    assert_string_equal(fault.text, "folder/jig.yaml: the file is empty");
    assert_false(jig_parse(bytes, 0, "/a/" TEXT_65 "/jig.yaml", &jig, &fault));
    assert_int_equal(strlen(fault.text), 63 + strlen(": the file is empty"));
    assert_non_null(strstr(fault.text, "klm/jig.yaml: the file is empty"));
}

/* The list of tokens, written anew with this many entries. */
static void refuses_tokens(unsigned count, const char *words)
{
    char text[SCRATCH_TEXT_MAX], path[SCRATCH_PATH_SIZE];
    const char *rest = strstr(good_jig, "certificates:");
    int at = snprintf(text, sizeof text, "station: line-1\ntokens:%s\n", count == 0 ? " []" : "");
    for (unsigned i = 0; i < count; i++)
        at +=
            snprintf(text + at, sizeof text - (size_t)at,
                     "  - {module: m.so, uri: 'pkcs11:token=t%u', pin_file: p, issuing: i%u, station: s%u}\n", i, i, i);
    at += snprintf(text + at, sizeof text - (size_t)at, "%s", rest);
    scratch_write("jig.yaml", text, (size_t)at, path);
    struct fault fault = {0};
    bool accepted = read_jig(path, &fault);
    assert_true(accepted == !words);
    if (words && (fault.code != FAULT_CONFIG_VALUE || !strstr(fault.text, words)))
        fail_msg("%u tokens: %s", count, fault.text);
}

static void takes_one_to_four_tokens(void **state)
{
    (void)state;
    refuses_tokens(0, "jig.yaml:2:1: tokens: expected at least 1 entries");
    refuses_tokens(1, NULL);
    refuses_tokens(4, NULL);
    refuses_tokens(5, "jig.yaml:2:1: tokens: expected at most 4 entries");
}

static void refuses_bad_jigs(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad_jigs); i++)
        wrong += !scratch_refuses(&bad_jigs[i], good_jig, "jig.yaml", read_jig);
    assert_int_equal(wrong, 0);
}

static void refuses_bad_ceremonies(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad_ceremonies); i++)
        wrong += !scratch_refuses(&bad_ceremonies[i], good_ceremony, "ceremony.yaml", read_ceremony);
    assert_int_equal(wrong, 0);
}

static void refuses_what_is_no_small_file(void **state)
{
    (void)state;
    struct fault fault = {0};
    struct jig *jig = NULL;
    char path[SCRATCH_PATH_SIZE];

    scratch_path("absent.yaml", path);
    assert_false(jig_read(path, &jig, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_non_null(strstr(fault.text, "absent.yaml: cannot be opened"));

    scratch_path("labels", path);
    assert_false(jig_read(path, &jig, &fault));
    assert_int_equal(fault.code, FAULT_FILE);
    assert_non_null(strstr(fault.text, "not a regular file"));

    scratch_write("jig.yaml", "", 0, path);
    assert_false(jig_read(path, &jig, &fault));
    assert_int_equal(fault.code, FAULT_CONFIG_SYNTAX);
    assert_non_null(strstr(fault.text, "jig.yaml: the file is empty"));
    assert_null(jig);
}

static void refuses_a_file_over_256_kib_and_takes_one_below(void **state)
{
    (void)state;
    size_t size = JIG_FILE_MAX;
    char *text = malloc(size + 1);
    assert_non_null(text);
    size_t length = strlen(good_jig);
    memcpy(text, good_jig, length);
    memset(text + length, '#', size + 1 - length);

    struct fault fault = {0};
    struct jig *jig = NULL;
    char path[SCRATCH_PATH_SIZE];
    scratch_write("jig.yaml", text, size + 1, path);
    assert_false(jig_read(path, &jig, &fault));
    assert_int_equal(fault.code, FAULT_CONFIG_SYNTAX);
    assert_non_null(strstr(fault.text, "jig.yaml: larger than 262144 bytes"));
    assert_false(jig_parse((const uint8_t *)text, size + 1, "jig.yaml", &jig, &fault));
    assert_string_equal(fault.text, "jig.yaml: larger than 262144 bytes");

    scratch_write("jig.yaml", text, size, path);
    assert_true(jig_read(path, &jig, &fault));
    jig_free(jig);
    free(text);
}

static void refuses_more_values_than_any_file_has(void **state)
{
    (void)state;
    char text[SCRATCH_TEXT_MAX] = "products: [", path[SCRATCH_PATH_SIZE];
    size_t length = strlen(text);
    for (size_t i = 0; i < 2100; i++, length += 2)
        memcpy(text + length, "a,", 3);
    scratch_write("jig.yaml", text, length, path);
    struct fault fault = {0};
    assert_false(read_jig(path, &fault));
    assert_int_equal(fault.code, FAULT_CONFIG_SYNTAX);
    assert_non_null(strstr(fault.text, "too many values"));
}

static int open_scratch(void **state)
{
    (void)state;
    scratch_open();
    return 0;
}

static int close_scratch(void **state)
{
    (void)state;
    scratch_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_the_good_files),
        cmocka_unit_test(takes_quotes_in_the_record),
        cmocka_unit_test(reads_ipp_printers),
        cmocka_unit_test(reads_how_labels_leave_the_printer),
        cmocka_unit_test(gives_paths_in_the_callers_words),
        cmocka_unit_test(takes_one_to_four_tokens),
        cmocka_unit_test(refuses_bad_jigs),
        cmocka_unit_test(refuses_bad_ceremonies),
        cmocka_unit_test(refuses_what_is_no_small_file),
        cmocka_unit_test(refuses_a_file_over_256_kib_and_takes_one_below),
        cmocka_unit_test(refuses_more_values_than_any_file_has),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
