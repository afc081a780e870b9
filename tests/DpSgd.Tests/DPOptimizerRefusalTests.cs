using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests;

/// <summary>Ways to get a wrong guarantee, each tried on purpose: all are refused, and nothing is changed or counted.</summary>
public class DPOptimizerRefusalTests
{
    [Fact]
    public void LBFGS_is_refused_with_the_reason()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var act = () => new DPOptimizer(optim.LBFGS(model.parameters(), max_eval: 20), model, Toy.Private);
        act.Should().Throw<ArgumentException>().WithMessage("*LBFGS*evaluates the loss several times*").WithParameterName("optimizer");
    }

    [Fact]
    public void A_layer_without_a_rule_is_refused_by_path_and_type()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("body", Sequential(("a", Linear(3, 4)), ("odd", new OddLayer()), ("norm", BatchNorm1d(4, affine: false)))));
        var act = () => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        act.Should().Throw<ArgumentException>().WithParameterName("model")
            .WithMessage("*'body.odd' is a OddLayer, which has trained parameters (scale)*")
            .WithMessage("*'body.norm' is a BatchNorm1d, which mixes the examples*");
    }

    [Fact]
    public void A_frozen_layer_may_be_of_any_kind()
    {
        using var scope = NewDisposeScope();
        var odd = new OddLayer();
        odd.parameters().Single().requires_grad = false;
        var model = Sequential(Linear(3, 4), odd, Linear(4, 2));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        optimizer.step(() => model.call(randn(5, 3)).square().sum(dim: 1L));
        optimizer.Steps.Should().Be(1);
    }

    [Fact]
    public void Parameters_of_another_model_are_refused()
    {
        using var scope = NewDisposeScope();
        var (model, other) = (Toy.Model(), Toy.Model());
        var act = () => new DPOptimizer(optim.SGD(other.parameters(), 1), model, Toy.Private);
        act.Should().Throw<ArgumentException>().WithMessage("*4 parameters that are not the model's*").WithParameterName("optimizer");
    }

    [Fact]
    public void A_model_has_one_private_optimizer_at_a_time()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        DPOptimizer Make() => new(optim.SGD(model.parameters(), 1), model, Toy.Private);
        var first = Make();
        FluentActions.Invoking(Make).Should().Throw<InvalidOperationException>().WithMessage("*already has a DPOptimizer*");
        FluentActions.Invoking(() => new DPOptimizer(first, model, Toy.Private)).Should().Throw<ArgumentException>();
        first.Dispose();
        Make().Dispose();
    }

    public static TheoryData<string, Action<DPOptimizer, UsableModel, Tensor>, string> WrongSteps => new()
    {
        { "nothing", (_, _, _) => { }, "*no backward pass*" },
        { "no backward pass", (_, model, x) => model.call(x), "*no backward pass*" },
        { "functional use of a weight", (_, model, x) => (Loss(model, x) + functional.linear(x.repeat(1, 2).narrow(1, 0, 6), model.Second.weight).square().mean()).backward(), "*'Second.weight' has a gradient that did not come through its layer*" },
        { "a penalty on a weight", (_, model, x) => (Loss(model, x) + model.First.weight.square().sum()).backward(), "*'First.weight' has a gradient*" },
        { "a gradient set by hand", (_, model, x) => { Loss(model, x).backward(); model.First.bias!.grad = ones_like(model.First.bias); }, "*'First.bias' has a gradient*" },
        { "forward instead of call", (_, model, x) => model.forward(x).square().mean().backward(), "*model.call(x), not model.forward(x)*" },
        { "a layer's own forward", (_, model, x) => model.Use(x, m => m.Second.forward(m.First.call(x))).backward(), "*'Second.weight' has a gradient*" },
        { "two backward passes for one step", (_, model, x) => { Loss(model, x).backward(); Loss(model, x).backward(); }, "*called again after a backward pass*" },
        { "two forward passes in one loss", (_, model, x) => (Loss(model, x) + Loss(model, x)).backward(), "*earlier call of the model*" },
        { "twice through one graph", (_, model, x) => { var loss = Loss(model, x); loss.backward(retain_graph: true); loss.backward(); }, "*twice through one forward pass*" },
        { "a differentiable backward pass", (_, model, x) => Loss(model, x).backward(create_graph: true), "*create_graph*" },
        { "examples and positions folded together", (_, model, x) => model.Use(x, m => m.Second.call(m.First.call(x).reshape(-1, 3).repeat(1, 2))).backward(), "*saw 10 rows, but the model was called with 5 examples*" },
        { "a part of the batch", (_, model, x) => model.Use(x, m => m.First.call(x.narrow(0, 0, 3))).backward(), "*saw 3 rows, but the model was called with 5 examples*" },
        { "losses with a dimension more", (optimizer, model, x) => optimizer.step(() => model.call(x).square()), "*shape [5, 2]*losses.flatten(1).mean(dim: 1L)*" },
        { "a scalar from the closure", (optimizer, model, x) => optimizer.step(() => Loss(model, x)), "*loss of each example, a tensor of shape*" },
        { "nothing from the closure", (optimizer, _, _) => optimizer.step(() => null!), "*returned null*" },
        { "losses that were detached", (optimizer, model, x) => optimizer.step(() => Loss(model, x).detach().expand(5)), "*do not depend on what is trained*detach()*" },
        { "a closure in inference mode", (optimizer, model, x) => { using var inference = inference_mode(); optimizer.step(() => model.call(x).sum(dim: 1L)); }, "*do not depend on what is trained*inference_mode()*" },
        { "a disposed batch", (_, model, x) => { var gone = x.clone(); gone.Dispose(); model.call(gone); }, "*a tensor that is disposed*inside the loop*" },
        { "a closure with losses of other examples", (optimizer, model, x) => optimizer.step(() => model.call(x).flatten().square()), "*10 losses*5 examples*" },
    };

    [Theory]
    [MemberData(nameof(WrongSteps))]
    public void A_wrong_step_is_refused_and_changes_nothing(string how, Action<DPOptimizer, UsableModel, Tensor> wrong, string message)
    {
        how.Should().NotBeEmpty();
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new UsableModel();
        var before = Toy.Weights(model);
        var ledger = new RecordingAccountant();
        var x = randn(5, 4);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private with { Accountant = ledger });

        FluentActions.Invoking(() =>
        {
            wrong(optimizer, model, x);
            optimizer.step();
        }).Should().Throw<InvalidOperationException>().WithMessage(message);

        model.ShouldBeUnchanged(before);
        ledger.Events.Should().BeEmpty();
        optimizer.Steps.Should().Be(0);

        // And it goes on as if nothing had been.
        optimizer.zero_grad();
        model.parameters().Should().OnlyContain(p => p.requires_grad);
        Loss(model, x).backward();
        optimizer.step();
        ledger.Events.Should().ContainSingle();
    }

    [Fact]
    public void Example_by_itself_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        FluentActions.Invoking(() => model.call(randn(Toy.Features, dtype: ScalarType.Float64)))
            .Should().Throw<InvalidOperationException>().WithMessage("*'first'*shape [4]*first dimension must be the example*");
    }

    [Fact]
    public void Microbatches_must_divide_the_batch()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var before = Toy.Weights(model);
        var (x, y) = Toy.Batch(10);
        var ledger = new RecordingAccountant();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private with { NumMicrobatches = 4, Accountant = ledger });
        Toy.Backward(model, x, y);

        optimizer.Invoking(o => o.step()).Should().Throw<ArgumentException>()
            .WithParameterName("NumMicrobatches").WithMessage("*4 does not divide 10*");

        model.ShouldBeUnchanged(before);
        ledger.Events.Should().BeEmpty();
    }

    [Fact]
    public void Microbatches_must_divide_the_expected_batch()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var options = Toy.Private with { NumMicrobatches = 4, Sampling = new PoissonSampling(0.1, 100) };
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, options))
            .Should().Throw<ArgumentException>().WithParameterName("NumMicrobatches").WithMessage("*4 does not divide 10*");
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, options with { NumMicrobatches = 5, MicrobatchSize = 2 }))
            .Should().Throw<ArgumentException>().WithParameterName("MicrobatchSize");
    }

    [Fact]
    public void An_empty_batch_without_a_declared_sampling_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(1);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        Toy.Backward(model, x.narrow(0, 0, 0), y.narrow(0, 0, 0));
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*batch is empty*Sampling*");
    }

    [Fact]
    public void A_parameter_that_is_unfrozen_later_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var weight = model.parameters().First();
        weight.requires_grad = false;
        var (x, y) = Toy.Batch(4);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        weight.requires_grad = true;
        Toy.Backward(model, x, y);
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*Make both optimizers again*");
        optimizer.Steps.Should().Be(0);
    }

    [Fact]
    public void An_optimizer_that_is_older_than_the_models_move_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model(type: ScalarType.Float32);
        var sgd = optim.SGD(model.parameters(), 1);
        model.to(ScalarType.Float64);
        FluentActions.Invoking(() => new DPOptimizer(sgd, model, Toy.Private))
            .Should().Throw<ArgumentException>().WithParameterName("optimizer").WithMessage("*Move the model first*");
    }

    [Fact]
    public void A_native_recurrent_layer_is_refused_with_ours_to_put_in_its_place()
    {
        using var scope = NewDisposeScope();
        var model = new Recurrent();
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private))
            .Should().Throw<ArgumentException>().WithMessage("*'lstm' is a LSTM*put DPLSTM in its place*");
    }

    private sealed class Recurrent : Module<Tensor, Tensor>
    {
        private readonly LSTM _lstm = LSTM(3, 4);

        public Recurrent()
            : base(nameof(Recurrent)) => register_module("lstm", _lstm);

        public override Tensor forward(Tensor input) => _lstm.call(input).Item1;
    }

    [Fact]
    public void A_model_that_is_moved_later_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model(type: ScalarType.Float32);
        var (x, y) = Toy.Batch(4);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        model.to(ScalarType.Float64);
        FluentActions.Invoking(() => Toy.Backward(model, x, y)).Should().Throw<InvalidOperationException>().WithMessage("*'first'*Make both optimizers again*");
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*Make both optimizers again*");
        optimizer.Steps.Should().Be(0);
    }

    [Fact]
    public void An_in_place_change_behind_a_layer_is_refused_by_libtorch()
    {
        using var scope = NewDisposeScope();
        var model = new UsableModel();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        FluentActions.Invoking(() => model.Use(randn(3, 4), m => m.First.call(randn(3, 4)).relu_()).backward())
            .Should().Throw<System.Runtime.InteropServices.ExternalException>().WithMessage("*modified inplace*");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_input_that_is_changed_before_the_step_is_refused(bool beforeBackward)
    {
        using var scope = NewDisposeScope();
        var model = new UsableModel();
        var before = Toy.Weights(model);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        var x = randn(3, 4);
        var loss = Loss(model, x);
        if (beforeBackward)
            x.add_(1);
        loss.backward();
        if (!beforeBackward)
            x.add_(1);
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*changed in place before the step*");
        model.ShouldBeUnchanged(before);
        optimizer.Steps.Should().Be(0);

        optimizer.step(() => model.call(x).square().sum(dim: 1L));
        optimizer.Steps.Should().Be(1);
    }

    [Fact]
    public void A_parameter_of_the_model_that_is_not_trained_must_be_frozen()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var act = () => new DPOptimizer(optim.SGD(model.parameters().Take(2).ToList(), 1), model, Toy.Private);
        act.Should().Throw<ArgumentException>().WithParameterName("model").WithMessage("*'second.weight' would get an ordinary gradient*requires_grad = false*");
        foreach (var parameter in model.parameters().Skip(2))
            parameter.requires_grad = false;
        using var optimizer = act();

        // And if one is unfrozen later, whoever else may train it:
        var (x, y) = Toy.Batch(4);
        model.parameters().Last().requires_grad = true;
        Toy.Backward(model, x, y);
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*'second.bias' has a gradient*");
    }

    [Fact]
    public void A_part_of_a_private_model_cannot_have_another_optimizer()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        var head = model.children().Last();
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(head.parameters(), 1), head, Toy.Private))
            .Should().Throw<InvalidOperationException>().WithMessage("*already has a DPOptimizer*");
    }

    [Fact]
    public void A_bare_layer_can_be_wrapped_again_and_again()
    {
        using var scope = NewDisposeScope();
        var model = Linear(4, 2);
        for (var i = 0; i < 3; i++)
        {
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
            optimizer.step(() => model.call(randn(5, 4)).square().sum(dim: 1L));
            optimizer.Steps.Should().Be(1);
        }
    }

    [Fact]
    public void A_forward_pass_that_breaks_off_does_no_lasting_harm()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new UsableModel();
        var x = randn(5, 4);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);

        // In the middle of a good pass: the layer that broke off is trained all the same.
        Loss(model, x).backward();
        FluentActions.Invoking(() => model.First.call(randn(5, 3))).Should().Throw<Exception>();
        var before = Toy.Weights(model);
        optimizer.step();
        Toy.Weights(model).Zip(before).Should().OnlyContain(pair => !pair.First.equal(pair.Second).all().ToBoolean());

        // The pass of the model that broke off is over: its forward is not taken for a part of it.
        FluentActions.Invoking(() => model.call(randn(5, 3))).Should().Throw<Exception>();
        optimizer.zero_grad();
        optimizer.Invoking(o =>
        {
            model.forward(x).sum().backward();
            o.step();
        }).Should().Throw<InvalidOperationException>().WithMessage("*not model.forward(x)*");
    }

    [Fact]
    public void Other_floats_than_32_64_and_brain_16_are_refused()
    {
        using var scope = NewDisposeScope();
        var model = Linear(4, 2, dtype: ScalarType.Float16);
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private))
            .Should().Throw<ArgumentException>().WithParameterName("model").WithMessage("*'weight' is of type Float16*Float32, Float64 or BFloat16*");
    }

    [Fact]
    public void A_step_is_made_once_of_the_batch_that_the_loader_drew_and_of_no_other()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(40);
        using var loader = new PoissonDataLoader(x, y, expectedBatchSize: 20);
        var ledger = new RecordingAccountant();
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 1), model, Toy.Private with { Sampling = loader.Sampling, Accountant = ledger });
        void StepOn(Tensor examples, Tensor labels) => optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));

        FluentActions.Invoking(() => StepOn(x, y)).Should().Throw<InvalidOperationException>().WithMessage("*has no batch out*");
        foreach (var (examples, labels) in loader)
        {
            FluentActions.Invoking(() => StepOn(x.repeat(2, 1), y.repeat(2))).Should().Throw<InvalidOperationException>().WithMessage("*80 examples, but the loader drew*");
            StepOn(examples, labels);
            FluentActions.Invoking(() => StepOn(examples, labels)).Should().Throw<InvalidOperationException>().WithMessage("*already made of this batch*");
        }
        FluentActions.Invoking(() => StepOn(x, y)).Should().Throw<InvalidOperationException>().WithMessage("*has no batch out*");
        ledger.Events.Should().HaveCount(2);
    }

    [Fact]
    public void Seeded_noise_protects_nothing_and_a_seeded_sample_is_not_amplified()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(40);
        double EpsilonOfOneStep(NoiseSource noise, int? seed)
        {
            using var loader = new PoissonDataLoader(x, y, expectedBatchSize: 20, seedForTests: seed);
            using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private with { Sampling = loader.Sampling, Noise = noise });
            foreach (var (examples, labels) in loader)
            {
                optimizer.step(() => Toy.Loss(model, examples, labels, Reduction.None));
                break;
            }
            return optimizer.GetEpsilon(1e-5);
        }

        var unamplified = new RdpAccountant();
        unamplified.Compose(new GaussianDpEvent(1));
        EpsilonOfOneStep(NoiseSource.SeededForTests(1), null).Should().Be(double.PositiveInfinity);
        EpsilonOfOneStep(NoiseSource.Secure, 1).Should().Be(unamplified.GetEpsilon(1e-5));
        EpsilonOfOneStep(NoiseSource.Secure, null).Should().BeLessThan(unamplified.GetEpsilon(1e-5));
    }

    [Fact]
    public void Zero_grad_between_the_passes_keeps_the_forward_pass()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(4);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        var loss = Toy.Loss(model, x, y);
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        optimizer.Steps.Should().Be(1);
    }

    [Fact]
    public void A_disposed_optimizer_takes_no_step_and_leaves_the_model_as_it_was()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(4);
        var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        optimizer.Dispose();
        optimizer.Dispose();
        optimizer.Invoking(o => o.step()).Should().Throw<ObjectDisposedException>();
        Toy.Backward(model, x, y);
        model.parameters().Should().OnlyContain(p => !ReferenceEquals(p.grad, null), "the model trains as usual again");
    }

    public static TheoryData<string, Action> BadOptions => new()
    {
        { "L2NormClip", () => _ = Toy.Private with { L2NormClip = double.NaN } },
        { "L2NormClip", () => _ = Toy.Private with { L2NormClip = 0 } },
        { "L2NormClip", () => _ = Toy.Private with { L2NormClip = -1 } },
        { "L2NormClip", () => _ = Toy.Private with { L2NormClip = double.PositiveInfinity } },
        { "NoiseMultiplier", () => _ = Toy.Private with { NoiseMultiplier = double.NaN } },
        { "NoiseMultiplier", () => _ = Toy.Private with { NoiseMultiplier = -0.1 } },
        { "NoiseMultiplier", () => _ = Toy.Private with { NoiseMultiplier = double.PositiveInfinity } },
        { "L2NormClip", () => _ = new DPOptimizer(optim.SGD(Toy.Model().parameters(), 1), Toy.Model(), Toy.Private with { L2NormClip = 1e38 }) },
        { "L2NormClip", () => _ = new DPOptimizer(optim.SGD(Toy.Model().parameters(), 1), Toy.Model(), Toy.Private with { L2NormClip = 1e-31 }) },
        { "NoiseMultiplier", () => _ = new DPOptimizer(optim.SGD(Toy.Model().parameters(), 1), Toy.Model(), Toy.Private with { L2NormClip = 1e-20, NoiseMultiplier = 1e-20 }) },
        { "NumMicrobatches", () => _ = Toy.Private with { NumMicrobatches = 0 } },
        { "MicrobatchSize", () => _ = Toy.Private with { MicrobatchSize = -3 } },
        { "MemoryBudget", () => _ = Toy.Private with { MemoryBudget = 0 } },
        { "LossReduction", () => _ = Toy.Private with { LossReduction = (LossReduction)7 } },
        { "Noise", () => _ = Toy.Private with { Noise = null! } },
        { "Probability", () => _ = new PoissonSampling(1.5, 10) },
        { "Probability", () => _ = new PoissonSampling(0, 10) },
        { "Probability", () => _ = new PoissonSampling(double.NaN, 10) },
        { "DatasetSize", () => _ = new PoissonSampling(0.5, 0) },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void A_bad_option_is_refused_by_name(string name, Action act) =>
        act.Should().Throw<ArgumentException>().WithParameterName(name).WithMessage($"*{name}*");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_step_within_a_step_or_beside_it_is_refused(bool onAnotherThread)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(4);
        var ledger = new RecordingAccountant();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private with { Accountant = ledger });
        optimizer.step(() =>
        {
            Exception? refused = null;
            void Step() => refused = Record.Exception(() => optimizer.step());
            if (onAnotherThread)
            {
                var thread = new Thread(Step);
                thread.Start();
                thread.Join();
            }
            else
            {
                Step();
            }
            refused.Should().BeOfType<InvalidOperationException>().Which.Message.Should().Contain("another step of this optimizer is being taken");
            return Toy.Loss(model, x, y, Reduction.None);
        });
        ledger.Events.Should().ContainSingle();
        optimizer.Steps.Should().Be(1);
    }

    [Fact]
    public void The_inner_optimizer_by_itself_finds_nothing_to_step_on()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(4);
        var inner = optim.SGD(model.parameters(), 1, momentum: 0.9, weight_decay: 0.1);
        using var optimizer = new DPOptimizer(inner, model, Toy.Private);
        var before = Toy.Weights(model);
        Toy.Backward(model, x, y);
        inner.step();
        model.ShouldBeUnchanged(before);
        optimizer.step();
        var after = Toy.Weights(model);
        inner.step();   // what the private step showed it is gone
        model.ShouldBeUnchanged(after);
        optimizer.Steps.Should().Be(1);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-1e-5)]
    public void A_bad_delta_is_refused(double delta)
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        optimizer.Invoking(o => o.GetEpsilon(delta)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("delta");
    }

    [Fact]
    public void Null_arguments_are_refused()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var sgd = optim.SGD(model.parameters(), 1);
        FluentActions.Invoking(() => new DPOptimizer((OptimizerHelper)null!, model, Toy.Private)).Should().Throw<ArgumentNullException>().WithParameterName("optimizer");
        FluentActions.Invoking(() => new DPOptimizer(sgd, null!, Toy.Private)).Should().Throw<ArgumentNullException>().WithParameterName("model");
        FluentActions.Invoking(() => new DPOptimizer(sgd, model, null!)).Should().Throw<ArgumentNullException>().WithParameterName("options");
    }

    private static Tensor Loss(UsableModel model, Tensor x) => model.call(x).square().mean();

    /// <summary>Its layers can be used in ways that they should not be.</summary>
    public sealed class UsableModel : Module<Tensor, Tensor>
    {
        private Func<UsableModel, Tensor>? _use;

        public UsableModel()
            : base(nameof(UsableModel))
        {
            register_module(nameof(First), First);
            register_module(nameof(Second), Second);
        }

        internal Linear First { get; } = Linear(4, 6);

        internal Linear Second { get; } = Linear(6, 2);

        public override Tensor forward(Tensor input) => _use is null ? Second.call(First.call(input)) : _use(this);

        internal Tensor Use(Tensor input, Func<UsableModel, Tensor> use)
        {
            _use = use;
            try
            {
                return call(input).square().mean();
            }
            finally
            {
                _use = null;
            }
        }
    }

    private sealed class OddLayer : Module<Tensor, Tensor>
    {
        private readonly Parameter _scale = Parameter(ones(4));

        public OddLayer()
            : base(nameof(OddLayer)) => register_parameter("scale", _scale);

        public override Tensor forward(Tensor input) => input * _scale;
    }

    [Fact]
    public void Parameters_that_are_not_finite()
    {
        using var scope = NewDisposeScope();
        var norm = GroupNorm(2, 4);
        init.ones_(norm.weight);
        init.constant_(norm.bias!, double.NaN);
        var model = Sequential(norm, Flatten(), Linear(8, 2));
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private))
            .Should().Throw<ArgumentException>().WithMessage("Parameter '0.bias' has values that are NaN or infinite*init.zeros_*");
        init.zeros_(norm.bias!);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
    }
}
