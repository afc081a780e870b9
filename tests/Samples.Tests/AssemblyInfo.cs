using Xunit;

// Each test trains with all the threads there are.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
