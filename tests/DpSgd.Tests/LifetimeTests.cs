using System.Collections;
using System.Reflection;
using DpSgd.Tests.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests;

/// <summary>Tensors alive after a step are as many as before it, whatever was thrown.</summary>
public class LifetimeTests
{
    public static TheoryData<string, DPOptimizerOptions> Options => new()
    {
        { "plain", Toy.Private },
        { "microbatches", Toy.Private with { NumMicrobatches = 4 } },
        { "ragged microbatches", Toy.Private with { MicrobatchSize = 5 } },
        { "random microbatches", Toy.Private with { Sampling = new PoissonSampling(0.1, 120), MicrobatchSize = 3 } },
    };

    [Theory]
    [MemberData(nameof(Options))]
    public void A_step_leaves_no_tensor_behind(string name, DPOptimizerOptions options)
    {
        name.Should().NotBeEmpty();
        using var model = Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, options);
        using var x = randn(12, 1, 8, 8);
        using var y = randn(12, 3);
        Leaves(0, () =>
        {
            optimizer.zero_grad();
            using (NewDisposeScope())
                functional.mse_loss(model.call(x), y).backward();
            optimizer.step();
        });
        Leaves(0, () =>
        {
            using var losses = optimizer.step(() =>
            {
                using var scope = NewDisposeScope();
                return functional.mse_loss(model.call(x), y, Reduction.None).mean(dimensions: [1]).MoveToOuterDisposeScope();
            });
        });
    }

    public static TheoryData<string> Layers => [.. LayerCases.All.Keys];

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_step_of_a_layer_leaves_no_tensor_behind(string name)
    {
        var (makeLayer, makeInputs) = LayerCases.All[name];
        using var model = makeLayer();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { MicrobatchSize = 3 });
        var inputs = makeInputs(7, ScalarType.Float32);
        Leaves(0, () =>
        {
            optimizer.zero_grad();
            using (NewDisposeScope())
                LayerCase.Call(model, inputs).square().mean().backward();
            optimizer.step();
        });
        foreach (var input in inputs)
            input?.Dispose();
    }

    [Fact]
    public void A_step_with_a_non_finite_example_leaves_no_tensor_behind()
    {
        using var model = Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        using var x = randn(12, 1, 8, 8);
        x[3, 0, 0, 0] = float.NaN;
        Leaves(0, () =>
        {
            using (NewDisposeScope())
                model.call(x).mean().backward();
            optimizer.step();
        });
        optimizer.NonFiniteExamples.Should().BePositive();
    }

    [Fact]
    public void A_step_by_microbatches_leaves_no_tensor_behind()
    {
        using var model = Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { PerMicrobatchBackward = true, MicrobatchSize = 5 });
        using var x = randn(12, 1, 8, 8);
        Leaves(0, () => optimizer.step(12, positions => model.call(x.index_select(0, positions)).square().mean()));
        Leaves(0, () => FluentActions.Invoking(() => optimizer.step(12, positions => positions[0].ToInt64() == 0
            ? model.call(x.index_select(0, positions)).square().mean()
            : throw new InvalidOperationException("halfway"))).Should().Throw<InvalidOperationException>());
    }

    [Fact]
    public void A_refused_or_failing_step_leaves_no_tensor_behind()
    {
        using var model = Model();
        var ledger = new RecordingAccountant(() => throw new InvalidOperationException("closed"));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { Accountant = ledger });
        using var x = randn(12, 1, 8, 8);
        using var wrong = randn(12, 2, 8, 8);

        Leaves(0, () => Fails(() => model.call(x).sum(dim: 1L).mean().backward()));
        Leaves(0, () => Fails(() => (model.call(x).mean() + model.parameters().First().sum()).backward()));
        Leaves(0, () => Fails(() => model.call(wrong)));
        Leaves(0, () => Fails(() => optimizer.step(() => model.call(x).mean())));
        Leaves(0, () => Fails(() => optimizer.step(() => throw new InvalidOperationException("in the loss"))));

        void Fails(Action pass)
        {
            using (NewDisposeScope())
            {
                FluentActions.Invoking(() =>
                {
                    pass();
                    optimizer.step();
                }).Should().Throw<Exception>();
            }
            optimizer.zero_grad();
        }
    }

    [Fact]
    public void Passes_without_a_step_do_not_pile_up()
    {
        using var model = Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        using var x = randn(12, 1, 8, 8);
        Leaves(0, () =>
        {
            using (NewDisposeScope())
                model.call(x);
        });
    }

    [Fact]
    public void An_optimizer_gives_back_all_that_it_took()
    {
        using var model = Model();
        using var x = randn(12, 1, 8, 8);
        Leaves(0, () =>
        {
            using var scope = NewDisposeScope();
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
            model.call(x).mean().backward();
            optimizer.step();
        });
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private with { NumMicrobatches = 7, Sampling = new PoissonSampling(0.1, 120) }))
            .Should().Throw<ArgumentException>();
    }

    [Fact]
    public void An_optimizer_gives_back_its_momentum_and_what_it_had_before_a_group_joined()
    {
        using var model = Model();
        using var x = randn(12, 1, 8, 8);
        var (first, joining) = (model.parameters().Take(2).ToList(), model.parameters().Skip(2).ToList());
        Leaves(0, () =>
        {
            using var scope = NewDisposeScope();
            joining.ForEach(p => p.requires_grad = false);
            using var optimizer = new DPOptimizer(optim.SGD(first, 0.1, momentum: 0.9), model, Toy.Private);
            optimizer.step(() => model.call(x).sum(dim: 1L));
            joining.ForEach(p => p.requires_grad = true);
            optimizer.add_param_group(new TorchSharp.Modules.SGD.ParamGroup(joining));
            optimizer.step(() => model.call(x).sum(dim: 1L));
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_model_that_had_an_optimizer_has_no_hook_of_it_left(bool perMicrobatch)
    {
        using var scope = NewDisposeScope();
        var (first, norm, last) = (Conv2d(1, 4, 3), BatchNorm2d(4), Linear(4 * 36, 2));
        var model = Sequential(first, InstanceNorm2d(4), norm, Flatten(), last);
        norm.eval();
        foreach (var parameter in norm.parameters().Concat(last.parameters()))
            parameter.requires_grad = false;
        using var loader = new PoissonDataLoader(randn(6, 1, 8, 8), zeros(6), expectedBatchSize: 3);
        DPOptimizer Make() => new(
            optim.SGD(first.parameters(), 0.1), model, Toy.Private with { Sampling = loader.Sampling, PerMicrobatchBackward = perMicrobatch });
        var before = Hooks(model);

        using (var optimizer = Make())
        {
            var during = Hooks(model);
            during.Should().BeGreaterThan(before);
            FluentActions.Invoking(Make).Should().Throw<InvalidOperationException>();
            Hooks(model).Should().Be(during, "one that is refused leaves none");
            foreach (var parameter in last.parameters())
                parameter.requires_grad = true;
            optimizer.add_param_group(new TorchSharp.Modules.SGD.ParamGroup(last.parameters()));
        }

        Hooks(model).Should().Be(before);
    }

    [Fact]
    public void An_optimizer_that_is_refused_gives_back_all_that_it_took()
    {
        using var model = Model();
        using var inner = optim.SGD(model.parameters(), 0.1);
        using var first = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        Leaves(0, () => FluentActions.Invoking(() => new DPOptimizer(inner, model, Toy.Private)).Should().Throw<InvalidOperationException>());
    }

    [Fact]
    public void A_loader_disposes_its_batches()
    {
        using var x = randn(100, 3);
        using var y = zeros(100, dtype: ScalarType.Int64);
        using var loader = new PoissonDataLoader(x, y, expectedBatchSize: 10);
        Leaves(0, () =>
        {
            foreach (var (examples, labels) in loader)
                (examples.shape[0] == labels.shape[0]).Should().BeTrue();
        });
        Leaves(0, () =>
        {
            foreach (var _ in loader)
                break;
        });
    }

    /// <summary>After a first run, in which optimizers and libtorch make what they keep, more runs change the count by nothing.</summary>
    private static void Leaves(long more, Action action)
    {
        action();
        var before = LiveTensors.Settled();
        for (var i = 0; i < 3; i++)
            action();
        // Counted before any collection: nothing may be left to the garbage collector.
        (Tensor.TotalCount - before).Should().Be(more);
    }

    /// <summary>How many hooks the modules of a model have. TorchSharp keeps them in dictionaries, and does not show them.</summary>
    private static int Hooks(nn.Module model) => model.modules().Append(model).Distinct().Sum(module =>
    {
        var type = module.GetType();
        while (type!.IsGenericType is false || type.GetGenericTypeDefinition() != typeof(HookableModule<,>))
            type = type.BaseType;
        return type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly)
            .Select(field => field.GetValue(module)).OfType<IDictionary>().Sum(hooks => hooks.Count);
    });

    private static TorchSharp.Modules.Sequential Model() =>
        Sequential(Conv2d(1, 4, 3), ReLU(), Flatten(), Linear(4 * 36, 5), Tanh(), Linear(5, 3));
}
