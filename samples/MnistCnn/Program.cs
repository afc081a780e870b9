return MnistCnn.CommandLine.Invoke(args);
