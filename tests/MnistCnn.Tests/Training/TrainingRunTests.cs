using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using MnistCnn.Data;
using MnistCnn.Model;
using MnistCnn.Tests.TestKit;
using MnistCnn.Training;
using TorchSharp;

namespace MnistCnn.Tests.Training;

public sealed class TrainingRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MnistData _data;

    public TrainingRunTests()
    {
        SmallMnist.Write(_folder.Path);
        _data = MnistData.Load(_folder.Path);
    }

    public void Dispose()
    {
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Epsilon_comes_from_the_steps_that_were_taken()
    {
        var progress = new Recorder();
        var result = Train(new Hyperparameters { Epochs = 2, BatchSize = 100 }, progress);

        result.Interrupted.Should().BeFalse();
        result.Epochs.Select(epoch => (epoch.Epochs, epoch.Steps)).Should().Equal((1, 5), (2, 10));
        var expected = DpSgdPrivacy.Compute(SmallMnist.TrainCount, 100, 1.3, 2, 1e-5);
        result.Guarantee!.Epsilon.Should().BeApproximately(expected.Epsilon, 1e-12);
        result.Guarantee.OptimalOrder.Should().Be(expected.OptimalOrder);
        result.Guarantee.Statement.Should().StartWith("DP-SGD with sampling rate = 20% and noise_multiplier = 1.3 iterated over 10 steps");
        result.Epochs[^1].Epsilon.Should().Be(result.Guarantee.Epsilon);
        progress.Epochs.Should().Equal(result.Epochs);
        progress.Steps.Select(step => (step.Epoch, step.Step)).Should().Equal(
            Enumerable.Range(0, 10).Select(i => (1 + i / 5, 1L + i % 5)));
        progress.Steps.Select(step => step.Epsilon).Should().BeInAscendingOrder().And.NotContainNulls();
    }

    [Fact]
    public void A_batch_size_that_does_not_divide_the_data_is_accounted_as_it_is_trained()
    {
        var result = Train(new Hyperparameters { Epochs = 3, BatchSize = 150 });   // 4 steps an epoch, not 3.33
        result.Epochs[^1].Steps.Should().Be(12);
        result.Guarantee!.Statement.Should().Contain("iterated over 12 steps");
        result.Guarantee.Statement.Should().Contain($"eps = {result.Guarantee.Epsilon:G3}");
    }

    [Fact]
    public void Microbatches_of_several_are_accounted_with_half_the_noise()
    {
        var result = Train(new Hyperparameters { Epochs = 1, BatchSize = 100, Microbatches = 25 });
        var expected = DpSgdPrivacy.Compute(SmallMnist.TrainCount, 100, 0.65, 1, 1e-5).Epsilon;
        result.Guarantee!.Epsilon.Should().BeApproximately(expected, 1e-12);
        result.Guarantee.Statement.Should().Contain("noise_multiplier = 0.65").And.Contain("Microbatches of 4");
    }

    [Fact]
    public void As_many_microbatches_as_examples_is_one_example_each()
    {
        var result = Train(new Hyperparameters { Epochs = 1, BatchSize = 100, Microbatches = 100 });
        result.Guarantee!.Epsilon.Should().BeApproximately(DpSgdPrivacy.Compute(SmallMnist.TrainCount, 100, 1.3, 1, 1e-5).Epsilon, 1e-12);
        result.Guarantee.Statement.Should().Contain("noise_multiplier = 1.3");
    }

    [Fact]
    public void Empty_batches_are_private_steps_too()
    {
        var progress = new Recorder();
        var result = Train(new Hyperparameters { Epochs = 1, BatchSize = 1, LearningRate = 1e-4 }, progress);
        result.Epochs[^1].Steps.Should().Be(SmallMnist.TrainCount);   // a third of them on average with no example
        result.Guarantee!.Statement.Should().Contain($"iterated over {SmallMnist.TrainCount} steps");
        progress.Steps.Should().OnlyContain(step => double.IsFinite(step.Loss));
    }

    [Fact]
    public void Without_privacy_the_model_learns_and_nothing_is_claimed()
    {
        var result = Train(new Hyperparameters { Epochs = 8, BatchSize = 20, LearningRate = 0.1, IsPrivate = false });
        result.Guarantee.Should().BeNull();
        result.Epochs.Should().OnlyContain(epoch => epoch.Epsilon == null);
        result.Epochs[^1].TestAccuracy.Should().BeGreaterThan(0.6);
    }

    [Fact]
    public void Without_noise_it_learns_but_is_not_private()
    {
        var result = Train(new Hyperparameters { Epochs = 8, BatchSize = 20, NoiseMultiplier = 0 });
        result.Epochs[^1].TestAccuracy.Should().BeGreaterThan(0.6);
        result.Epochs[^1].Epsilon.Should().BeNull();
        result.Guarantee!.Epsilon.Should().Be(double.PositiveInfinity);
        result.Guarantee.Statement.Should().Contain("not private");
    }

    [Fact]
    public void Stops_after_the_current_step_and_reports_what_was_spent()
    {
        using var source = new CancellationTokenSource();
        var progress = new Recorder { AfterStep = step => source.CancelAfterStep(step, 3) };
        var result = Train(new Hyperparameters { Epochs = 2, BatchSize = 100 }, progress, source.Token);

        result.Interrupted.Should().BeTrue();
        result.Epochs.Should().ContainSingle();
        result.Epochs[0].Epochs.Should().BeApproximately(0.6, 1e-12);
        result.Epochs[0].TestAccuracy.Should().BeInRange(0, 1);
        result.Guarantee!.Statement.Should().Contain("iterated over 3 steps");
        result.Guarantee.Epsilon.Should().BeApproximately(DpSgdPrivacy.Compute(SmallMnist.TrainCount, 100, 1.3, 0.6, 1e-5).Epsilon, 1e-12);
    }

    [Fact]
    public void Stopped_before_the_first_step_nothing_was_spent()
    {
        var result = Train(new Hyperparameters(), stop: new CancellationToken(canceled: true));
        result.Interrupted.Should().BeTrue();
        result.Epochs.Should().BeEmpty();
        result.Guarantee!.Epsilon.Should().Be(0);
        result.Guarantee.Statement.Should().Contain("nothing was spent");
    }

    [Fact]
    public void Steps_and_tests_leave_no_tensors_behind()
    {
        var during = new List<long>();
        Train(new Hyperparameters { Epochs = 2, BatchSize = 100 }, new Recorder { AfterStep = _ => during.Add(LiveTensors.Settled()) });
        during.Distinct().Should().ContainSingle();
    }

    [Fact]
    public void A_run_leaves_no_more_behind_than_its_model()
    {
        // TorchSharp counts each parameter that it ever made, even when it is gone.
        var model = Growth(() => TutorialModel.Create(seed: 1).Dispose());
        Growth(() => Train(new Hyperparameters { Epochs = 1, BatchSize = 100 })).Should().Be(model);
        Growth(() => Train(new Hyperparameters { Epochs = 1, BatchSize = 100, IsPrivate = false })).Should().Be(model);

        static long Growth(Action action)
        {
            var before = LiveTensors.Settled();
            action();
            return LiveTensors.Settled() - before;
        }
    }

    private TrainingResult Train(Hyperparameters hyperparameters, Recorder? progress = null, CancellationToken stop = default)
    {
        using var training = new TrainingRun(_data, hyperparameters);
        return training.Run(progress ?? new Recorder(), stop);
    }

    private sealed class Recorder : ITrainingProgress
    {
        public List<StepProgress> Steps { get; } = [];

        public List<EpochResult> Epochs { get; } = [];

        public Action<StepProgress>? AfterStep { get; init; }

        public void OnStep(StepProgress step)
        {
            Steps.Add(step);
            AfterStep?.Invoke(step);
        }

        public void OnEpoch(EpochResult epoch) => Epochs.Add(epoch);
    }
}

file static class Cancelling
{
    public static void CancelAfterStep(this CancellationTokenSource source, StepProgress step, long last)
    {
        if (step.Step == last)
            source.Cancel();
    }
}
