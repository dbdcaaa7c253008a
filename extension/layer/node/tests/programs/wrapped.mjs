// What a function adds whose bundle the hooks do not reach.
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const client = new S3Client({
  region: 'eu-west-1',
  endpoint: process.env.ENDPOINT,
  forcePathStyle: true,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
});
globalThis.hopguard?.wrapClient(client);
const command = () => new PutObjectCommand({ Bucket: 'photos', Key: 'k', Body: 'x' });
await client.send(command());
const url = await getSignedUrl(client, command(), { expiresIn: 60 });
console.log(url.includes('hopguard') ? 'signed' : 'left alone');
