#!/bin/sh
# Makes a self-signed certificate for dovecot from dovecot-openssl.cnf. Environment: OPENSSL, SSLDIR, OPENSSLCONFIG.
# Nothing that exists is overwritten.
# SPDX-License-Identifier: Apache-2.0
umask 077
OPENSSL=${OPENSSL:-openssl}
SSLDIR=${SSLDIR:-@SSLDIR@}
OPENSSLCONFIG=${OPENSSLCONFIG:-dovecot-openssl.cnf}
certfile=@CERTFILE@
keyfile=@KEYFILE@

for directory in "$(dirname "$certfile")" "$(dirname "$keyfile")"; do
  if [ ! -d "$directory" ]; then
    echo "$directory directory doesn't exist"
    exit 1
  fi
done
for file in "$certfile" "$keyfile"; do
  if [ -f "$file" ]; then
    echo "$file already exists, won't overwrite"
    exit 1
  fi
done

"$OPENSSL" req -new -x509 -nodes -config "$OPENSSLCONFIG" -out "$certfile" -keyout "$keyfile" -days 365 || exit 2
chmod 0600 "$keyfile"
echo
"$OPENSSL" x509 -subject -fingerprint -noout -in "$certfile" || exit 2
