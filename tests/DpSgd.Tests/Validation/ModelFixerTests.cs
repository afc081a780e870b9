using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Validation;

public class ModelFixerTests
{
    [Theory]
    [InlineData(2, 1, "GroupNorm(1, 1)")]
    [InlineData(2, 3, "GroupNorm(1, 3)")]
    [InlineData(2, 16, "GroupNorm(8, 16)")]
    [InlineData(2, 64, "GroupNorm(32, 64)")]
    [InlineData(2, 96, "GroupNorm(32, 96)")]
    [InlineData(3, 7, "GroupNorm(1, 7)")]
    [InlineData(1, 12, "GroupNorm1d(1, 12)")]
    [InlineData(1, 64, "GroupNorm1d(4, 64)")]
    [InlineData(1, 1024, "GroupNorm1d(32, 1024)")]
    public void Groups_divide_the_channels(int dimensions, long channels, string expected)
    {
        using var scope = NewDisposeScope();
        Module<Tensor, Tensor> norm = dimensions switch { 1 => BatchNorm1d(channels), 2 => BatchNorm2d(channels), _ => BatchNorm3d(channels) };
        var model = Sequential(norm);
        ModelFixer.Fix(model).Replaced.Should().Equal(new ModelReplacement("0", norm.GetType().Name, expected));
        long[] shape = [2, channels, .. Enumerable.Repeat(4L, dimensions)];
        model.call(randn(shape)).shape.Should().Equal(shape);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Scale_shift_type_mode_and_frozen_parameters_are_kept(bool training)
    {
        using var scope = NewDisposeScope();
        var norms = new Module<Tensor, Tensor>[]
        {
            BatchNorm1d(32, eps: 0.1), BatchNorm2d(32, eps: 0.1), BatchNorm3d(32, eps: 0.1),
            InstanceNorm1d(32, eps: 0.1, affine: true, track_running_stats: true), InstanceNorm2d(32, eps: 0.1, affine: true, track_running_stats: true),
            InstanceNorm3d(32, eps: 0.1, affine: true, track_running_stats: true),
        };
        foreach (var norm in norms)
        {
            var model = Sequential(norm).to(ScalarType.Float64);
            foreach (var parameter in model.parameters())
                init.normal_(parameter);
            model.parameters().Last().requires_grad = false;
            model.train(training);
            var before = Toy.Weights(model);

            ModelFixer.Fix(model).Replaced.Should().ContainSingle();

            model.ShouldBeUnchanged(before);
            model.parameters().Select(p => p.requires_grad).Should().Equal(true, false);
            model.parameters().Should().OnlyContain(p => p.dtype == ScalarType.Float64);
            model.modules().Should().OnlyContain(m => m.training == training);
            foreach (var eps in model.modules().Select(m => m is GroupNorm group ? group.eps : m is NormBase other ? other.eps : 0.1))
                eps.Should().Be(0.1);
        }
    }

    [Fact]
    public void Recurrent_and_attention_layers_go_on_computing_the_same()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new Natives();
        var x = randn(5, 2, 8);
        Tensor[] before, after;
        using (no_grad())
            before = model.All(x);
        var unchanged = randn(3);   // the fixer draws random numbers; nobody else's change

        random.manual_seed(1);
        var again = new Natives();
        var same = randn(5, 2, 8);
        ModelFixer.Fix(again).Replaced.Select(r => r.New).Should().BeEquivalentTo(
            "DPLSTM", "DPGRU", "DPRNN", "DPMultiheadAttention", "DPTransformerEncoderLayer", "DPTransformerEncoder");
        using (no_grad())
            after = again.All(x);
        randn(3).equal(unchanged).all().ToBoolean().Should().BeTrue();
        same.equal(x).all().ToBoolean().Should().BeTrue();

        after.Should().HaveSameCount(before);
        for (var i = 0; i < before.Length; i++)
            after[i].allclose(before[i], atol: 1e-5).Should().BeTrue($"of layer {i}");
    }

    [Fact]
    public void Tables_keep_their_rows_and_padding()
    {
        using var scope = NewDisposeScope();
        var model = new Holder(Embedding(5, 3, padding_idx: 2, max_norm: 1), EmbeddingBag(5, 3, max_norm: 1, mode: EmbeddingBagMode.Sum, padding_index: 1), Embedding(5, 3, scale_grad_by_freq: true), Embedding_from_pretrained(randn(5, 3), freeze: false, padding_idx: 4));
        var before = model.Held.Select(m => (m is EmbeddingBag bag ? bag.weight : ((Embedding)m).weight)!.detach().clone()).ToList();
        ModelFixer.Fix(model).Remaining.Should().BeEmpty();
        for (var i = 0; i < before.Count; i++)
        {
            var table = model.Held[i].parameters().Single();
            table.detach().equal(before[i]).all().ToBoolean().Should().BeTrue();
            table.requires_grad.Should().BeTrue();
        }
        ((Embedding)model.Held[0]).call(tensor(new long[] { 0, 2 })).sum().backward();
        model.Held[0].parameters().Single().grad!.sum(dim: 1L).data<float>().Should().Equal(3, 0, 0, 0, 0);
        ((EmbeddingBag)model.Held[1]).call(tensor(new long[] { 0, 1, 3 }, [1, 3]), null, null).sum().backward();
        model.Held[1].parameters().Single().grad!.sum(dim: 1L).data<float>().Should().Equal(3, 0, 0, 3, 0);
    }

    [Fact]
    public void A_module_is_replaced_wherever_the_model_holds_it()
    {
        using var scope = NewDisposeScope();
        var model = new Places();
        ModelFixer.Fix(model).Replaced.Should().HaveCount(6);
        model.Everything().Should().HaveCount(9).And.OnlyContain(m => m is GroupNorm);
        model.Everything().Distinct().Should().HaveCount(6, "the same module is still the same");
        model.named_modules().Where(m => m.module is BatchNorm).Should().BeEmpty();
        model.named_modules().Select(m => m.name).Should().Contain(["_sequential.second", "_list.0", "_dictionary.key", "shared"]);
        model.call(randn(2, 4, 3, 3)).shape.Should().Equal(2, 4, 3, 3);
    }

    [Fact]
    public void A_field_that_cannot_hold_the_other_module_is_named()
    {
        using var scope = NewDisposeScope();
        var model = new Narrow();
        var before = model.named_modules().Select(m => m.module).ToList();
        var fix = ModelFixer.Fix(model);
        fix.Replaced.Should().BeEmpty();
        fix.Remaining.Select(p => p.Path).Should().Equal("_norm", "_lstm");
        fix.Remaining[0].Instead.Should().Be("field _norm of Narrow is of type BatchNorm2d and cannot hold a GroupNorm: declare it as Module<Tensor, Tensor>, or make it GroupNorm(2, 4) yourself, with init.ones_ for its weight and init.zeros_ for its bias, which TorchSharp leaves as it finds them in memory");
        fix.Remaining[1].Instead.Should().Contain("field _lstm of Narrow is of type LSTM and cannot hold a DPLSTM").And.Contain("IModule<Tensor, (Tensor, Tensor)?, (Tensor, Tensor, Tensor)>");
        fix.ToString().Should().Contain("Remains: '_norm' is a BatchNorm2d, which mixes the examples of a batch: field _norm");
        model.named_modules().Select(m => m.module).Should().Equal(before);
    }

    public static TheoryData<string, Func<Module<Tensor, Tensor>>, string> Unfixable => new()
    {
        { "the root", () => BatchNorm2d(4), "it is the model itself*" },
        { "one feature", () => Sequential(BatchNorm1d(1)), "put GroupNorm*" },
        { "a captured module", () => new Capturing(), "no field or list of the model holds it*" },
        { "a maximum", () => new Holder(EmbeddingBag(4, 3, mode: EmbeddingBagMode.Max)), "use Sum or Mean" },
        { "a shared table", Tied, "its weights are also those of 'second'*" },
        { "an odd module", () => Sequential(new Scale(3)), "write a rule for it*" },
        { "an odd dropout", () => Sequential(Linear(8, 8), TransformerEncoderLayer(8, 2, 8, dropout: 0.123)), "*not a multiple of 0.05*Then put DPTransformerEncoderLayer in its place" },
        { "a Transformer", () => new Holder(Transformer(8, 2, 1, 1, 8)), "write a rule for it*" },
    };

    [Theory]
    [MemberData(nameof(Unfixable))]
    public void What_cannot_be_replaced_remains_with_the_reason(string what, Func<Module<Tensor, Tensor>> make, string instead)
    {
        what.Should().NotBeEmpty();
        using var scope = NewDisposeScope();
        var model = make();
        var before = Toy.Weights(model);
        var fix = ModelFixer.Fix(model);
        fix.Replaced.Should().BeEmpty();
        fix.Remaining.Should().ContainSingle().Which.Instead.Should().Match(instead);
        model.ShouldBeUnchanged(before);
    }

    [Fact]
    public void A_module_that_was_replaced_can_no_longer_be_used()
    {
        using var scope = NewDisposeScope();
        var norm = BatchNorm2d(4);
        var model = Sequential(norm);
        ModelFixer.Fix(model);
        norm.Invoking(n => n.call(randn(2, 4, 3, 3))).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void A_model_with_an_optimizer_is_not_changed_under_it()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var options = Toy.Private;
        using (new DPOptimizer(optim.SGD(model.parameters(), 1), model, options))
            FluentActions.Invoking(() => ModelFixer.Fix(model)).Should().Throw<InvalidOperationException>().WithMessage("*has a DPOptimizer*");
        ModelFixer.Fix(model).Should().BeEquivalentTo(new ModelFix([], []));
    }

    [Fact]
    public void An_optimizer_that_is_older_than_the_fix_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(Conv2d(1, 4, 3), BatchNorm2d(4));
        var sgd = optim.SGD(model.parameters(), 1);
        ModelFixer.Fix(model);
        FluentActions.Invoking(() => new DPOptimizer(sgd, model, Toy.Private)).Should().Throw<ArgumentException>().WithParameterName("optimizer").WithMessage("*replaced by ModelFixer*then make the optimizer*");
    }

    private static Module<Tensor, Tensor> Tied()
    {
        var tied = new Tying();
        tied.parameters().Should().ContainSingle();
        return tied;
    }

    private sealed class Tying : Module<Tensor, Tensor>
    {
        public Tying()
            : base(nameof(Tying))
        {
            var first = Embedding(5, 3, max_norm: 1);
            var second = Linear(3, 5, hasBias: false);
            first.weight = second.weight!;
            (First, Second) = (first, second);
            register_module("first", first);
            register_module("second", second);
        }

        private Module<Tensor, Tensor> First { get; }

        private Module<Tensor, Tensor> Second { get; }

        public override Tensor forward(Tensor input) => Second.call(First.call(input));
    }

    private sealed class Holder : Module<Tensor, Tensor>
    {
        public Holder(params Module[] held)
            : base(nameof(Holder))
        {
            Held = [.. held];
            for (var i = 0; i < held.Length; i++)
                register_module($"{i}", held[i]);
        }

        public List<Module> Held { get; }

        public override Tensor forward(Tensor input) => input.alias();
    }

    private sealed class Capturing : Module<Tensor, Tensor>
    {
        private readonly Func<Tensor, Tensor> _function;

        public Capturing()
            : base(nameof(Capturing))
        {
            var norm = BatchNorm2d(4);
            register_module("norm", norm);
            _function = norm.call;
        }

        public override Tensor forward(Tensor input) => _function(input);
    }

    private sealed class Narrow : Module<Tensor, Tensor>
    {
        private readonly BatchNorm2d _norm = BatchNorm2d(4);
        private readonly LSTM _lstm = LSTM(3, 4);

        public Narrow()
            : base(nameof(Narrow)) => RegisterComponents();

        public override Tensor forward(Tensor input) => _lstm.call(_norm.call(input)).Item1;
    }

    private sealed class Natives : Module<Tensor, Tensor>
    {
        private readonly IModule<Tensor, (Tensor, Tensor)?, (Tensor, Tensor, Tensor)> _lstm = LSTM(8, 4, numLayers: 2, bidirectional: true);
        private readonly IModule<Tensor, Tensor?, (Tensor, Tensor)> _gru = GRU(8, 4)!;
        private readonly IModule<Tensor, Tensor?, (Tensor, Tensor)> _rnn = RNN(8, 4)!;
        private readonly Module<Tensor, Tensor, Tensor, Tensor?, bool, Tensor?, Tuple<Tensor, Tensor>> _attention = MultiheadAttention(8, 2);
        private readonly IModule<Tensor, Tensor> _layer = TransformerEncoderLayer(8, 4, 16, dropout: 0.1);
        private readonly Module<Tensor, Tensor, Tensor, Tensor> _encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16, dropout: 0), 2);

        public Natives()
            : base(nameof(Natives))
        {
            RegisterComponents();
            eval();
        }

        public Tensor[] All(Tensor x) =>
        [
            _lstm.call(x, null).Item1, _gru.call(x, null).Item1, _rnn.call(x, null).Item1,
            _attention.call(x, x, x, null, false, null).Item1, _layer.call(x), _encoder.call(x, null!, null!),
        ];

        public override Tensor forward(Tensor input) => input;
    }

    private sealed class Places : Module<Tensor, Tensor>
    {
        private readonly Sequential _sequential = Sequential(("first", Identity()), ("second", BatchNorm2d(4)));
        private readonly ModuleList<Module<Tensor, Tensor>> _list = ModuleList<Module<Tensor, Tensor>>(BatchNorm2d(4));
        private readonly ModuleDict<Module<Tensor, Tensor>> _dictionary = ModuleDict<Module<Tensor, Tensor>>(("key", BatchNorm2d(4)));
        private readonly Module<Tensor, Tensor>[] _array = [BatchNorm2d(4)];
        private readonly Dictionary<string, Module> _named = [];
        private readonly (string Name, IModule<Tensor, Tensor> Norm) _pair = ("norm", BatchNorm2d(4));
        private readonly Module<Tensor, Tensor> _shared = BatchNorm2d(4);

        public Places()
            : base(nameof(Places))
        {
            register_module("array", _array[0]);
            register_module("pair", (Module)_pair.Norm);
            register_module("shared", _shared);
            _named["shared"] = _shared;
            Shared = _shared;
            Again = [_shared];
            RegisterComponents();
        }

        public Module Shared { get; }

        public List<Module<Tensor, Tensor>> Again { get; }

        public IReadOnlyList<object> Everything() =>
            [_sequential[1], _list[0], _dictionary["key"], _array[0], _pair.Norm, _shared, _named["shared"], Shared, Again[0]];

        public override Tensor forward(Tensor input)
        {
            var x = _pair.Norm.call(_array[0].call(_dictionary[0].Item2.call(_list[0].call(_sequential.call(input)))));
            return Again[0].call(_shared.call(x));
        }
    }
}
