// The same with an older SDK: the package's name is given.
const { SQSClient, SendMessageCommand } = require(process.env.PACKAGE);

const { ENDPOINT } = process.env;
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };
const client = new SQSClient({ region: 'eu-west-1', endpoint: ENDPOINT, credentials });
client
  .send(new SendMessageCommand({ QueueUrl: `${ENDPOINT}/123456789012/orders`, MessageBody: 'hello' }))
  .then((output) => console.log(`sent ${output.MessageId}`));
