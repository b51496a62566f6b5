import { formatAddress } from '../../core/address.ts'
import type { HandoverFormat } from '../../sensor/scan/handover/detect.ts'
import type { Chunks } from '../../sensor/scan/handover/entry.ts'
import { readHandover } from '../../sensor/scan/handover/read.ts'

/** What a file hands over, in words: `address port name owner tags`, what is not there left out. */
export async function handed(content: string | Uint8Array | Chunks, format: HandoverFormat | null = null) {
  const shown: string[] = []
  for await (const entry of readHandover({ chunks: chunksOf(content), source: 'file' }, format)) {
    const where = entry.address === null ? 'unknown' : formatAddress(entry.address)
    shown.push(
      [where, entry.port, entry.name, entry.owner, ...entry.tags].filter((one) => one !== null).join(' ')
    )
  }
  return shown
}

function chunksOf(content: string | Uint8Array | Chunks): Chunks {
  if (typeof content === 'string') return [Buffer.from(content)]
  return content instanceof Uint8Array ? [content] : content
}

// as nmap 7.93 writes it: a named host, a host with a PTR name, one that is down, ports that are not open
export const nmap = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/bin/../share/nmap/nmap.xsl" type="text/xsl"?>
<!-- Nmap 7.93 scan initiated as: nmap -sT -sU -oX - www.example.com 10.0.0.0/29 -->
<nmaprun scanner="nmap" args="nmap -sT -sU -oX -" start="1795570328" version="7.93" xmloutputversion="1.05">
<scaninfo type="connect" protocol="tcp" numservices="4" services="22,443,8443"/>
<host starttime="1" endtime="2"><status state="up" reason="syn-ack" reason_ttl="0"/>
<address addr="10.0.0.1" addrtype="ipv4"/>
<address addr="02:00:00:00:00:02" addrtype="mac" vendor="A &amp; B"/>
<hostnames>
<hostname name="www.example.com" type="user"/>
<hostname name="host-1.example.net" type="PTR"/>
</hostnames>
<ports><extraports state="closed" count="2"/>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack" reason_ttl="0"/><service name="http" tunnel="ssl"/>
<script id="ssl-cert" output="Subject: commonName=&lt;x&gt;&#10;Bücher"><elem key="open">443</elem></script></port>
<port protocol="tcp" portid="22"><state state="closed" reason="conn-refused" reason_ttl="0"/></port>
<port protocol="udp" portid="443"><state state="open" reason="udp-response" reason_ttl="0"/></port>
<port protocol="tcp" portid="8443"><state state="open|filtered" reason="no-response" reason_ttl="0"/></port>
</ports>
</host>
<host><status state="up"/><address addr="10.0.0.2" addrtype="ipv4"/>
<hostnames><hostname name="host-2.example.net" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="8443"><state state="open"/></port></ports></host>
<host><status state="down"/><address addr="10.0.0.3" addrtype="ipv4"/></host>
<host><status state="up"/><address addr="2001:db8::1" addrtype="ipv6"/>
<ports><port protocol="tcp" portid="443"><state state="open"/></port></ports></host>
<runstats><finished time="1795570381" exit="success"/><hosts up="3" down="1" total="4"/></runstats>
</nmaprun>
`

// as masscan 1.3.2 writes it
export const masscan = `[
{   "ip": "10.0.0.1",   "timestamp": "1795570429", "ports": [ {"port": 443, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] }
,
{   "ip": "10.0.0.1",   "timestamp": "1795570429", "ports": [ {"port": 443, "proto": "tcp", "service": {"name": "ssl", "banner": "} ] [ { \\" \\\\"} } ] }
,
{   "ip": "2001:db8::1",   "timestamp": "1795570429", "ports": [ {"port": 8443, "proto": "tcp", "status": "open"}, {"port": 53, "proto": "udp", "status": "open"}, {"port": 22, "proto": "tcp", "status": "closed"} ] }
]
`

// as masscan 1.0 wrote it: a comma after each record and a last line that is no JSON
export const oldMasscan = `[
{ "ip": "10.0.0.1", "timestamp": "1", "ports": [ {"port": 443, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] },
{ "ip": "10.0.0.2", "timestamp": "1", "ports": [ {"port": 443, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] },
{finished: 1}
]
`

export const masscanLines = `{"ip":"10.0.0.1","timestamp":"1","port":443,"proto":"tcp","rec_type":"status","data":{"status":"open","reason":"syn-ack","ttl":64}}
{"ip":"10.0.0.2","timestamp":"1","port":443,"proto":"tcp","rec_type":"status","data":{"status":"closed","reason":"rst","ttl":64}}
{"ip":"10.0.0.3","timestamp":"1","port":443,"proto":"tcp","rec_type":"banner","data":{"service_name":"ssl","banner":"x"}}
`

export const masscanList = `#masscan
open tcp 443 10.0.0.1 1795570434
open tcp 8443 2001:db8::1 1795570434
closed tcp 22 10.0.0.1 1795570434
open udp 53 10.0.0.1 1795570434
banner tcp 25 10.0.0.2 1795570434 smtp 220 mx.example ESMTP
# end
`

// after the Response type of tlsx 1.1 and its documented output
export const tlsx = `{"timestamp":"2026-11-25T01:32:08.1Z","host":"www.example.com","ip":"10.0.0.1","port":"443","probe_status":true,"tls_version":"tls13","cipher":"TLS_AES_128_GCM_SHA256","not_before":"2026-01-01T00:00:00Z","subject_an":["www.example.com"],"fingerprint_hash":{"sha256":"00"},"tls_connection":"ctls","sni":"www.example.com"}
{"timestamp":"2026-11-25T01:32:08.1Z","host":"10.0.0.2","ip":"10.0.0.2","port":"8443","probe_status":true,"tls_version":"tls12"}
{"timestamp":"2026-11-25T01:32:08.1Z","host":"10.0.0.3","port":"443","probe_status":false,"error":"dial tcp 10.0.0.3:443: i/o timeout"}
{"timestamp":"2026-11-25T01:32:08.1Z","host":"only.example","port":"443","probe_status":true}
{"timestamp":"2026-11-25T01:32:08.1Z","host":"10.0.0.4","ip":"10.0.0.4","port":"443","probe_status":true,"sni":"given.example"}
`

// after the Grab and ScanResponse types of zgrab2 1.0; the last line as 0.1.8 wrote it
export const zgrab2 = `{"ip":"10.0.0.1","port":443,"domain":"www.example.com","data":{"tls":{"status":"success","protocol":"tls","port":443,"result":{"handshake_log":{"server_hello":{"version":{"name":"TLSv1.2","value":771}}}},"timestamp":"2026-11-25T01:32:08Z"}}}
{"ip":"10.0.0.2","data":{"tls":{"status":"connection-timeout","protocol":"tls","port":443,"error":"i/o timeout"},"smtp":{"status":"handshake-error","protocol":"smtp","port":25}}}
{"domain":"only.example","data":{"tls":{"status":"success","protocol":"tls","port":8443}}}
{"ip":"10.0.0.3","data":{"tls":{"status":"success","protocol":"tls","result":{}}}}
`

export const csv = `Owner,Port,Comment,"IP",tags,SNI
team-a,443,"first, of all",10.0.0.1,"prod, web",www.example.com
,,,10.0.0.2,,
"O""Brien; Ltd",8443,"two
lines",2001:db8::1,lb;lb,
`
