return FineTuning.Sample.Invoke(args);
