// An OpenID provider as it is run in earnest, and clients to whom it tells the truth, and others to whom it does not.
//
// node provider.mjs <where to send people back> <port, or 0> <name of its key>: prints its issuer. A person is who they say: the login is
// `<email>` where the address is verified, `unverified:<email>` where it is not.
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [backTo, port, kid] = process.argv.slice(2);
const secret = 'a secret of forty characters or a bit more';
const key = generateKeyPairSync('rsa', { modulusLength: 2048 });
const otherKey = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = key.publicKey.export({ type: 'spki', format: 'pem' });

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (claims, privateKey = key.privateKey) => {
  const text = `${encode({ alg: 'RS256', kid, typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey, 'base64url')}`;
};
const hmac = (claims, by, header = { alg: 'HS256', typ: 'JWT' }) => {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', by).update(text).digest('base64url')}`;
};
const hour = 3600;

// What becomes of an honest token, by client.
const told = {
  honest: null,
  second: null,
  'signed-again': (claims) => sign(claims),
  'other-audience': (claims) => sign({ ...claims, aud: 'somebody-else' }),
  'two-audiences': (claims) => sign({ ...claims, aud: [claims.aud, 'somebody-else'], azp: 'somebody-else' }),
  'other-issuer': (claims) => sign({ ...claims, iss: 'https://elsewhere.example' }),
  'other-nonce': (claims) => sign({ ...claims, nonce: 'another' }),
  'no-nonce': ({ nonce, ...claims }) => sign(claims),
  'no-expiry': ({ exp, ...claims }) => sign(claims),
  expired: (claims) => sign({ ...claims, iat: claims.iat - 2 * hour, exp: claims.exp - 2 * hour }),
  'other-subject-unsigned': (claims, token) => {
    const [header, , signature] = token.split('.');
    return `${header}.${encode({ ...claims, sub: 'somebody-else' })}.${signature}`;
  },
  'other-key': (claims) => sign(claims, otherKey.privateKey),
  unsigned: (claims) => `${encode({ alg: 'none' })}.${encode(claims)}.`,
  'by-our-secret': (claims) => hmac(claims, secret),
  'by-its-public-key': (claims) => hmac(claims, pem, { alg: 'HS256', kid, typ: 'JWT' }),
  'no-token': () => undefined,
  // tells of another person than its token, when it is asked for more
  'other-person': null,
};

const server = createServer();
server.listen(Number(port), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: Object.keys(told).map((name) => ({
      client_id: name,
      client_secret: secret,
      redirect_uris: [`${backTo}/api/core/auth/oidc/${name}/callback`],
    })),
    jwks: { keys: [{ ...key.privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['a key for the cookies of a test'] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    pkce: { required: () => true },
    findAccount: (_, login) => ({
      accountId: login,
      claims: () => ({
        sub: login,
        email: login.replace('unverified:', ''),
        email_verified: !login.startsWith('unverified:'),
        name: 'Ada Provided',
      }),
    }),
  });
  provider.use(async (ctx, next) => {
    await next();
    const change = ctx.oidc?.route === 'token' && ctx.body?.id_token && told[ctx.oidc.client.clientId];
    if (change) {
      const token = ctx.body.id_token;
      ctx.body = { ...ctx.body, id_token: change(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')), token) };
    }
    if (ctx.oidc?.route === 'userinfo' && ctx.oidc.client.clientId === 'other-person') {
      ctx.body = { ...ctx.body, sub: 'somebody-else' };
    }
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
