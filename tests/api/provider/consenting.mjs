// A provider of mailboxes as it is run in earnest: it asks people for consent, gives tokens, and says whose a token is.
//
// node consenting.mjs <where to send people back>: prints its issuer. A refresh token is good once; used again, all that
// came of its consent is taken back.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [backTo] = process.argv.slice(2);
const secret = 'a secret of forty characters or a bit more';

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'ai2',
        client_secret: secret,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: [`${backTo}/api/connectors/oauth/callback`],
      },
      { client_id: 'dovecot', client_secret: 'dovecot', grant_types: [], response_types: [], redirect_uris: [] },
    ],
    cookies: { keys: ['a key for the cookies of a test'] },
    scopes: ['openid', 'offline_access', 'mail'],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: { AccessToken: 60, AuthorizationCode: 60, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600 },
    features: {
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
    },
    findAccount: (_, login) => ({ accountId: login, claims: () => ({ sub: login }) }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
