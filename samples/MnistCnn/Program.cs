using MnistCnn;

return CommandLine.Create().Parse(args).Invoke(CommandLine.Invocation);
