using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests;

/// <summary>What is not about privacy behaves as on the wrapped optimizer.</summary>
public class DPOptimizerWrappingTests
{
    public static TheoryData<string, Func<optim.Optimizer, optim.lr_scheduler.LRScheduler>> Schedulers => new()
    {
        { "StepLR", o => optim.lr_scheduler.StepLR(o, 3, gamma: 0.5) },
        { "ExponentialLR", o => optim.lr_scheduler.ExponentialLR(o, 0.9) },
        { "CosineAnnealingLR", o => optim.lr_scheduler.CosineAnnealingLR(o, 8) },
        { "OneCycleLR", o => optim.lr_scheduler.OneCycleLR(o, max_lr: 0.3, total_steps: 12) },
        { "CyclicLR", o => optim.lr_scheduler.CyclicLR(o, base_lr: 0.01, max_lr: 0.2, step_size_up: 3) },
    };

    [Theory]
    [MemberData(nameof(Schedulers))]
    public void Schedulers_set_the_same_rates(string name, Func<optim.Optimizer, optim.lr_scheduler.LRScheduler> make)
    {
        name.Should().NotBeEmpty();
        using var scope = NewDisposeScope();
        var (bareModel, model) = (Toy.Model(), Toy.Model());
        using var bare = optim.SGD(bareModel.parameters(), 0.1, momentum: 0.9);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Toy.NoPrivacy);
        var (bareScheduler, scheduler) = (make(bare), make(optimizer));
        var (x, y) = Toy.Batch(10);
        for (var i = 0; i < 8; i++)
        {
            bare.zero_grad();
            Toy.Backward(bareModel, x, y);
            bare.step();
            bareScheduler.step();
            Toy.Backward(model, x, y);
            optimizer.step();
            scheduler.step();
            Rates(optimizer).Should().Equal(Rates(bare));
        }

        TensorAssert.AreClose(Toy.Weights(model), Toy.Weights(bareModel), 1e-11);
    }

    [Fact]
    public void OneCycleLR_cycles_the_betas_of_Adam()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        using var optimizer = new DPOptimizer(optim.Adam(model.parameters(), 0.1), model, Toy.NoPrivacy);
        var scheduler = optim.lr_scheduler.OneCycleLR(optimizer, max_lr: 0.3, total_steps: 12);
        var first = optimizer.ParamGroups.Cast<optim.IBetas>().Single().Betas;
        var (x, y) = Toy.Batch(4);
        Toy.Backward(model, x, y);
        optimizer.step();
        scheduler.step();
        optimizer.ParamGroups.Cast<optim.IBetas>().Single().Betas.Should().NotBe(first);
    }

    [Fact]
    public void Parameter_groups_have_their_own_rates()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var parameters = model.parameters().ToList();
        var groups = new[]
        {
            new SGD.ParamGroup(parameters[..2], lr: 0),
            new SGD.ParamGroup(parameters[2..], lr: 0.5),
        };
        var before = Toy.Weights(model);
        var (x, y) = Toy.Batch(4);
        using var optimizer = new DPOptimizer(optim.SGD(groups, 0.1), model, Toy.Private);
        Rates(optimizer).Should().Equal(0, 0.5);

        Toy.Backward(model, x, y);
        optimizer.step();

        var after = Toy.Weights(model);
        after.Zip(before).Select(pair => pair.First.equal(pair.Second).all().ToBoolean()).Should().Equal(true, true, false, false);
    }

    [Fact]
    public void A_group_can_be_added_later()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var parameters = model.parameters().ToList();
        foreach (var parameter in parameters[2..])
            parameter.requires_grad = false;
        using var optimizer = new DPOptimizer(optim.SGD(parameters[..2], 0.5), model, Toy.Private);
        optimizer.parameters().Should().HaveCount(2);
        var (x, y) = Toy.Batch(4);
        Toy.Backward(model, x, y);
        optimizer.step();
        optimizer.Invoking(o => o.add_param_group(new SGD.ParamGroup([nn.Parameter(ones(2))])))
            .Should().Throw<ArgumentException>().WithParameterName("param_group");
        optimizer.parameters().Should().HaveCount(2);

        optimizer.Invoking(o => o.add_param_group(null!)).Should().Throw<ArgumentNullException>().WithParameterName("param_group");

        foreach (var parameter in parameters[2..])
            parameter.requires_grad = true;
        optimizer.add_param_group(new SGD.ParamGroup(parameters[2..]));
        model.zero_grad();
        var before = Toy.Weights(model);
        Toy.Backward(model, x, y);
        optimizer.step();

        optimizer.parameters().Should().HaveCount(4);
        Toy.Weights(model).Zip(before).Should().OnlyContain(pair => !pair.First.equal(pair.Second).all().ToBoolean());
        optimizer.Steps.Should().Be(2);
    }

    [Fact]
    public void State_goes_through_a_stream_too_and_to_a_device()
    {
        using var scope = NewDisposeScope();
        var (model, copy) = (Toy.Model(), Toy.Model());
        var (x, y) = Toy.Batch(12);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.05, momentum: 0.9), model, Toy.NoPrivacy);
        optimizer.step(() => Toy.Loss(model, x, y, nn.Reduction.None));
        copy.load_state_dict(model.state_dict());
        using var bare = optim.SGD(copy.parameters(), 0.05, momentum: 0.9);
        using var resumed = new DPOptimizer(bare, copy, Toy.NoPrivacy);
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true))
            optimizer.save_state_dict(writer);
        stream.Position = 0;
        using (var reader = new BinaryReader(stream))
            resumed.load_state_dict(reader);
        resumed.to(CPU);

        optimizer.step(() => Toy.Loss(model, x, y, nn.Reduction.None));
        resumed.step(() => Toy.Loss(copy, x, y, nn.Reduction.None));
        TensorAssert.AreClose(Toy.Weights(copy), Toy.Weights(model), 1e-12);
    }

    [Fact]
    public void State_goes_to_a_file_and_back_between_private_and_bare_optimizers()
    {
        using var scope = NewDisposeScope();
        var file = Path.GetTempFileName();
        try
        {
            var (model, copy) = (Toy.Model(), Toy.Model());
            var (x, y) = Toy.Batch(12);
            using var optimizer = new DPOptimizer(optim.Adam(model.parameters(), 0.05), model, Toy.NoPrivacy);
            Train(optimizer, model);
            optimizer.save_state_dict(file);
            copy.load_state_dict(model.state_dict());

            using var resumed = new DPOptimizer(optim.Adam(copy.parameters(), 0.05), copy, Toy.NoPrivacy);
            resumed.load_state_dict(file);
            Train(optimizer, model);
            Train(resumed, copy);
            TensorAssert.AreClose(Toy.Weights(copy), Toy.Weights(model), 1e-12);

            using var bare = optim.Adam(Toy.Model().parameters(), 0.05);
            bare.load_state_dict(file);
            bare.save_state_dict(file);
            resumed.load_state_dict(file);

            var another = Toy.Model();
            using var sgd = new DPOptimizer(optim.SGD(another.parameters(), 0.05), another, Toy.NoPrivacy);
            sgd.Invoking(o => o.load_state_dict(file)).Should().Throw<InvalidDataException>("it is the state of Adam");

            void Train(DPOptimizer trainer, nn.Module<Tensor, Tensor> trained)
            {
                for (var i = 0; i < 3; i++)
                    trainer.step(() => Toy.Loss(trained, x, y, nn.Reduction.None));
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void State_dictionaries_are_the_wrapped_optimizers()
    {
        using var scope = NewDisposeScope();
        var (model, other) = (Toy.Model(), Toy.Model(seed: 5));
        var (x, y) = Toy.Batch(12);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1, momentum: 0.9), model, Toy.NoPrivacy);
        using var bare = optim.SGD(other.parameters(), 0.2, momentum: 0.5);
        optimizer.step(() => Toy.Loss(model, x, y, nn.Reduction.None));
        Toy.Backward(other, x, y);
        bare.step();

        optimizer.load_state_dict(bare.state_dict());

        Rates(optimizer).Should().Equal(0.2);
        optimizer.state_dict().State.Should().HaveCount(4);
    }

    [Fact]
    public void Zero_grad_forgets_a_backward_pass()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(5);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        Toy.Backward(model, x, y);
        optimizer.zero_grad();
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>();
        Toy.Backward(model, x, y);
        optimizer.step();
        optimizer.Steps.Should().Be(1);
    }

    [Fact]
    public void Evaluation_between_the_passes_does_no_harm()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(5);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        model.call(x);   // with gradients, and no backward pass
        var loss = Toy.Loss(model, x, y);
        using (no_grad())
            model.call(x.narrow(0, 0, 2));
        loss.backward();
        using (no_grad())
            model.call(x.narrow(0, 0, 2));
        optimizer.step();
        optimizer.Steps.Should().Be(1);
    }

    private static IEnumerable<double> Rates(optim.Optimizer optimizer) => optimizer.ParamGroups.Select(g => g.LearningRate);
}
