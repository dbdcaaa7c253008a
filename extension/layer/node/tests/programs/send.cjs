// Sends one message, and says what became of it.
const { SQSClient, SendMessageCommand } = require('@aws-sdk/client-sqs');

const { ENDPOINT } = process.env;
const client = new SQSClient({
  region: 'eu-west-1',
  endpoint: ENDPOINT,
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
  maxAttempts: 1,
});
client
  .send(new SendMessageCommand({ QueueUrl: `${ENDPOINT}/123456789012/orders`, MessageBody: 'hello' }))
  .then((output) => console.log(`sent ${output.MessageId}`));
