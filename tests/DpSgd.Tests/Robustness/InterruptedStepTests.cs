using DpSgd.Accounting;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Robustness;

/// <summary>Wherever a step breaks off: nothing is changed that was not counted, nothing leaks, and the next step is right.</summary>
public class InterruptedStepTests
{
    public enum Place
    {
        Model,
        Loss,
        Cancelled,
        InnerOptimizer,
        Accountant,
    }

    public static TheoryData<Place> Places => [.. Enum.GetValues<Place>()];

    [Theory]
    [MemberData(nameof(Places))]
    public void The_next_step_is_right_and_nothing_leaks(Place place)
    {
        using var model = new Breakable();
        using var reference = new Breakable();
        var (x, y) = Toy.Batch(6);
        var accountant = new BreakableAccountant();
        using var inner = new BreakableSgd(model);
        using var optimizer = new DPOptimizer(inner, model, new() { L2NormClip = 0.3, NoiseMultiplier = 0, Accountant = accountant });
        using var expected = new DPOptimizer(optim.SGD(reference.parameters(), 0.1), reference, new() { L2NormClip = 0.3, NoiseMultiplier = 0 });
        void Take(DPOptimizer o, Module<Tensor, Tensor> m, Action? inLoss = null)
        {
            using var scope = NewDisposeScope();
            o.step(() =>
            {
                var losses = Toy.Loss(m, x, y, Reduction.None);
                inLoss?.Invoke();
                return losses;
            });
        }

        Take(optimizer, model);
        Take(expected, reference);
        var live = LiveTensors.Settled();
        for (var i = 0; i < 3; i++)
        {
            (model.Breaks, accountant.Breaks, inner.Breaks) = (place == Place.Model, place == Place.Accountant, place == Place.InnerOptimizer);
            FluentActions.Invoking(() => Take(optimizer, model, () =>
            {
                if (place == Place.Loss)
                    throw new InvalidOperationException("broken");
                if (place == Place.Cancelled)
                    throw new OperationCanceledException("broken");
            })).Should().Throw<Exception>().WithMessage("broken");
            (model.Breaks, accountant.Breaks, inner.Breaks) = (false, false, false);
        }
        (Tensor.TotalCount - live).Should().Be(0);
        var counted = place == Place.InnerOptimizer ? 3 : 0;   // which may have changed the weights
        optimizer.Steps.Should().Be(1 + counted);
        accountant.Count.Should().Be(1 + counted);
        model.parameters().Should().OnlyContain(p => p.requires_grad && ReferenceEquals(p.grad, null));

        Take(optimizer, model);
        Take(expected, reference);
        using var all = NewDisposeScope();
        foreach (var (actual, other) in Toy.Weights(model).Zip(Toy.Weights(reference)))
            actual.equal(other).all().ToBoolean().Should().BeTrue();
        accountant.Count.Should().Be(2 + counted);
        x.Dispose();
        y.Dispose();
    }

    private sealed class Breakable : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _model = Toy.Model();

        public Breakable()
            : base(nameof(Breakable)) => register_module("model", _model);

        public bool Breaks { get; set; }

        public override Tensor forward(Tensor input)
        {
            var output = _model.call(input);
            return Breaks ? throw new InvalidOperationException("broken") : output;
        }
    }

    private sealed class BreakableAccountant : IPrivacyAccountant
    {
        public bool Breaks { get; set; }

        public int Count { get; private set; }

        public NeighboringRelation NeighboringRelation => NeighboringRelation.AddOrRemoveOne;

        public void Compose(DpEvent dpEvent, long count = 1)
        {
            if (Breaks)
                throw new InvalidOperationException("broken");
            Count++;
        }

        public double GetEpsilon(double targetDelta) => Count;

        public double GetDelta(double targetEpsilon) => 0;
    }

    private sealed class BreakableSgd : TorchSharp.Modules.SGD
    {
        public BreakableSgd(Module model)
            : base(model.parameters(), 0.1)
        {
        }

        public bool Breaks { get; set; }

        public override Tensor step(Func<Tensor>? closure = null) =>
            Breaks ? throw new InvalidOperationException("broken") : base.step(closure);
    }
}
