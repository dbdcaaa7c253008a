// The same as an ES module.
import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';

const { ENDPOINT } = process.env;
const client = new SQSClient({
  region: 'eu-west-1',
  endpoint: ENDPOINT,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  maxAttempts: 1,
});
const QueueUrl = `${ENDPOINT}/123456789012/orders`;
const output = await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'hello' }));
console.log(`sent ${output.MessageId}`);
