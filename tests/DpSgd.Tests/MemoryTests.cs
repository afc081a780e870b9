using System.Globalization;
using DpSgd.Tests.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests;

/// <summary>The memory that a private step takes.</summary>
public class MemoryTests
{
    public static TheoryData<string, int> Cases()
    {
        var data = new TheoryData<string, int>();
        foreach (var layer in LayerCases.All.Keys)
        {
            data.Add(layer, 1);
            data.Add(layer, 3);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_result_does_not_depend_on_the_budget(string name, int microbatch)
    {
        using var scope = NewDisposeScope();
        // In single precision the norm, which is taken from above, depends on the way to it by a few units of rounding; and
        // a convolution's gradient that is made again for the sum is clipped by as much more as the two may differ by.
        var single = name.StartsWith("Conv", StringComparison.Ordinal) ? 5e-5 : 4e-6;
        foreach (var (type, tolerance) in new[] { (ScalarType.Float64, 1e-12), (ScalarType.Float32, single) })
        {
            random.manual_seed(1);
            var (makeLayer, makeInputs) = LayerCases.All[name];
            var layer = makeLayer().to(type);
            var inputs = makeInputs(8, type);
            IReadOnlyList<Tensor> Gradient(long budget) => PrivateStep.Gradient(
                layer, layer.parameters().ToList(), new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0, MicrobatchSize = microbatch, MemoryBudget = budget },
                optimizer => optimizer.step(() => LayerCase.Call(layer, inputs).square().flatten(1).sum(dim: 1L)));
            var whole = Gradient(long.MaxValue);
            TensorAssert.AreClose(Gradient(1), whole, tolerance);        // one at a time
            TensorAssert.AreClose(Gradient(2_000), whole, tolerance);    // a few at a time
        }
    }

    [Fact]
    public void Nor_does_that_of_weights_shared_between_tokens_and_output()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var tokens = Embedding(9, 4);
        var output = Linear(4, 9, hasBias: false);
        tokens.weight = output.weight!;
        var model = Sequential(("tokens", tokens), ("again", Tanh()), ("output", output)).to(ScalarType.Float64);
        var x = LayerCase.Tokens(8, 9, 5);
        foreach (var microbatch in new[] { 1, 3 })
        {
            IReadOnlyList<Tensor> Gradient(long budget) => PrivateStep.Gradient(
                model, model.parameters().ToList(), new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0, MicrobatchSize = microbatch, MemoryBudget = budget },
                optimizer => optimizer.step(() => model.call(x).square().flatten(1).sum(dim: 1L)));
            TensorAssert.AreClose(Gradient(1), Gradient(long.MaxValue), 1e-12);
        }
    }

    public static TheoryData<string, Func<Module<Tensor, Tensor>>, Func<Tensor>> Large => new()
    {
        // 64 examples by 4 MiB, or by 25 MiB, of parameters
        { "Linear", () => Linear(1024, 1024), () => randn(64, 24, 1024) },
        { "Linear of few steps", () => Linear(1024, 1024), () => randn(64, 2, 1024) },
        { "Linear of single vectors", () => Linear(1024, 1024), () => randn(64, 1024) },
        { "Embedding", () => Embedding(100_000, 64), () => randint(100_000, [64, 10]) },
        { "LSTM", () => new Recurrent(), () => randn(64, 8, 256) },
    };

    [Theory]
    [MemberData(nameof(Large))]
    public void No_tensor_of_examples_by_parameters_is_held(string name, Func<Module<Tensor, Tensor>> make, Func<Tensor> makeInput)
    {
        name.Should().NotBeEmpty();
        using var scope = NewDisposeScope();
        var model = make();
        var x = makeInput();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        void Step()
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            model.call(x).square().mean().backward();
            optimizer.step();
        }

        Step();
        var parameters = model.parameters().Sum(p => p.numel()) * sizeof(float);
        PeakMemory.During(Step).Should().BeLessThan(64 * parameters / 3, "examples by parameters are {0} bytes", 64 * parameters);
    }

    [Fact]
    public void A_tensor_that_is_held_for_a_moment_would_be_seen() =>
        PeakMemory.During(() => ones(25_000_000).Dispose()).Should().BeGreaterThan(OperatingSystem.IsLinux() ? 90_000_000 : -1);

    [Fact]
    public void Two_thousand_steps_leave_memory_as_it_was()
    {
        // In a process of its own: what other tests have done to this one would be seen. It compiles each method once and
        // for all, since code that is made anew while it runs is memory too.
        var printed = Repository.RunWith([("DOTNET_TieredCompilation", "0")], Repository.Root, "dotnet", "exec", typeof(LongRun).Assembly.Location, LongRun.Name);
        var values = Array.ConvertAll(printed.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries), text => double.Parse(text, CultureInfo.InvariantCulture));
        values.Should().HaveCount(3, printed);
        values[0].Should().Be(0, "so many tensors more are alive");
        values[1].Should().BeLessThan(1.02, "native memory after over before");
        values[2].Should().BeLessThan(0.5, "MiB of managed memory after less before; of a leak of one object a step there would be more");
    }

    private sealed class Recurrent : Module<Tensor, Tensor>
    {
        private readonly DPLSTM _lstm = new(256, 256, batchFirst: true);

        public Recurrent()
            : base(nameof(Recurrent)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _lstm.call(input).Output;
    }
}
